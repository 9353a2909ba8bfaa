// Python's two ways of formatting: 'text' % arguments and 'text'.format(arguments).
#pragma once

#include <string>
#include <string_view>

#include "jinja/callable.h"
#include "jinja/value.h"

namespace pingti::jinja {

// `arguments` is one value, a tuple of them, or a dict for %(name)s.
std::string format_percent(std::string_view format, const Value& arguments, const Maker& make);

std::string format_braces(std::string_view format, const Arguments& arguments, const Maker& make);

// Python's round(x, digits) of a float.
double round_half_even(double x, int64_t digits);

}  // namespace pingti::jinja
