// The tests: what may follow `is`.
#pragma once

#include <string_view>

#include "jinja/callable.h"
#include "jinja/interpreter.h"

namespace pingti::jinja {

using Test = bool (*)(Interpreter& interpreter, const Value& subject, const Arguments& arguments);

Test find_test(std::string_view name);  // null: there is none

}  // namespace pingti::jinja
