// Numbers and string escapes of template source.
#pragma once

#include <string>
#include <string_view>

#include "jinja/lexer.h"

namespace pingti::jinja {

// Reads a number at the start of `text`: fills kind and value, returns its size; 0: there is none.
size_t read_number(std::string_view text, bool after_dot, Token* token);

// Python's escapes. Throws Failure (syntax) on a malformed one.
std::string unescape(std::string_view text, int line);

}  // namespace pingti::jinja
