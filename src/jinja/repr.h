// What Python prints: str(), repr(), and numbers as text.
#pragma once

#include <string>

#include "jinja/value.h"

namespace pingti::jinja {

std::string to_text(const Value& value, const Maker& make);  // str()
std::string to_repr(const Value& value, const Maker& make);  // repr()
std::string float_text(double d);
std::string quote(std::string_view text);  // repr() of a string

// str() of anything, as markupsafe's soft_str: text stays as it is.
inline std::string soft_text(const Value& value, const Maker& make) { return to_text(value, make); }

}  // namespace pingti::jinja
