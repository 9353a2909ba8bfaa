// Values of JSON Schema's `format` that can be enforced, as patterns. Each matches some of the texts that the
// format's standard allows, none that it forbids.
#pragma once

#include <string_view>

namespace pingti {

// Empty: unknown.
std::string_view pattern_of_format(std::string_view format);

}  // namespace pingti
