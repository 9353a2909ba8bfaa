// The functions every template can call: range, namespace, dict, cycler, joiner, raise_exception,
// strftime_now.
#pragma once

#include <string_view>

#include "jinja/value.h"

namespace pingti::jinja {

bool find_global(std::string_view name, Value* found);

}  // namespace pingti::jinja
