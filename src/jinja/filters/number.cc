// Filters to and on numbers.
#include <fmt/core.h>

#include <cmath>

#include "jinja/filters.h"
#include "jinja/format.h"
#include "jinja/operators.h"
#include "jinja/repr.h"

namespace pingti::jinja {
namespace {

Value absolute(Interpreter&, const Value& input, const Arguments& arguments) {
  Signature take("abs", arguments, {});
  if (input.is(Kind::kFloat)) return Value::real(std::fabs(input.as_double()));
  if (input.is_undefined()) throw_undefined(input);
  if (!input.is_integral()) throw_runtime(fmt::format("bad operand type for abs(): '{}'", type_name(input)));
  return input.as_int() < 0 ? negate(input) : Value::integer(input.as_int());
}

// int(value), or int(float(value)); false where Python raises TypeError, ValueError or OverflowError for
// both.
bool convert_to_int(const Value& input, int base, Value* result) {
  if (input.is_undefined()) throw_undefined(input);
  if (input.is_integral()) {
    *result = Value::integer(input.as_int());
    return true;
  }
  double d = 0;
  if (input.is_string()) {
    int64_t number = 0;
    if (parse_int(input.text(), base, &number)) {
      *result = Value::integer(number);
      return true;
    }
    if (!parse_float(input.text(), &d)) return false;
  } else if (input.is(Kind::kFloat)) {
    d = input.as_double();
  } else {
    return false;
  }
  if (!std::isfinite(d)) return false;
  *result = int_from_double(d);
  return true;
}

Value to_int(Interpreter&, const Value& input, const Arguments& arguments) {
  Signature take("int", arguments, {"default", "base"});
  Value result;
  if (convert_to_int(input, static_cast<int>(take.integer(1, 10)), &result)) return result;
  return take.optional(0, Value::integer(0));
}

Value to_float(Interpreter&, const Value& input, const Arguments& arguments) {
  Signature take("float", arguments, {"default"});
  if (input.is_undefined()) throw_undefined(input);
  double d = 0;
  if (input.is_number()) return Value::real(input.as_double());
  if (input.is_string() && parse_float(input.text(), &d)) return Value::real(d);
  return take.optional(0, Value::real(0.0));
}

Value rounded(Interpreter&, const Value& input, const Arguments& arguments) {
  Signature take("round", arguments, {"precision", "method"});
  const std::string method = take.text(1, "common");
  if (method != "common" && method != "ceil" && method != "floor") {
    throw_runtime("method must be common, ceil or floor");
  }
  const int64_t precision = take.integer(0, 0);
  if (input.is_undefined()) throw_undefined(input);
  if (!input.is_number()) throw_runtime(fmt::format("type {} cannot be rounded", type_name(input)));
  if (method == "common") {
    if (!input.is_integral()) return Value::real(round_half_even(input.as_double(), precision));
    if (precision >= 0) return Value::integer(input.as_int());
    return int_from_double(round_half_even(input.as_double(), precision));
  }
  const double scale = std::pow(10.0, static_cast<double>(precision));
  const double scaled = input.as_double() * scale;
  const Value whole = int_from_double(method == "ceil" ? std::ceil(scaled) : std::floor(scaled));
  return Value::real(static_cast<double>(whole.as_int()) / scale);
}

Value file_size(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  static constexpr std::string_view kDecimal[] = {"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
  static constexpr std::string_view kBinary[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"};
  Signature take("filesizeformat", arguments, {"binary"});
  const bool binary = take.flag(0, false);
  double bytes = 0;
  if (input.is_number()) {
    bytes = input.as_double();
  } else if (!input.is_string() || !parse_float(input.text(), &bytes)) {
    throw_runtime("filesizeformat wants a number");
  }
  const double base = binary ? 1024 : 1000;
  const Maker& make = interpreter.make();
  if (bytes == 1) return make.string("1 Byte");
  if (bytes < base) return make.string(fmt::format("{:.0f} Bytes", std::trunc(bytes)));
  double unit = base;
  for (size_t i = 0; i < std::size(kDecimal); ++i) {
    unit *= base;
    if (bytes < unit || i + 1 == std::size(kDecimal)) {
      return make.string(fmt::format("{:.1f} {}", base * bytes / unit, binary ? kBinary[i] : kDecimal[i]));
    }
  }
  return make.string("");
}

constexpr FilterRow kRows[] = {
    {"abs", absolute},
    {"int", to_int},
    {"float", to_float},
    {"round", rounded},
    {"filesizeformat", file_size},
};

}  // namespace

std::span<const FilterRow> number_filters() { return kRows; }

}  // namespace pingti::jinja
