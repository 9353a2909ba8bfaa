#include "jinja/format_spec.h"

#include <fmt/core.h>

#include <cctype>
#include <cmath>
#include <cstdio>

#include "jinja/failure.h"
#include "jinja/format.h"
#include "jinja/repr.h"
#include "jinja/text.h"

namespace pingti::jinja {

int64_t read_digits(std::string_view text, size_t* at, int64_t limit) {
  int64_t number = 0;
  while (*at < text.size() && std::isdigit(static_cast<unsigned char>(text[*at]))) {
    number = number * 10 + (text[(*at)++] - '0');
    if (number > limit) throw_limit("a width or precision is too large");
  }
  return number;
}

std::string pad(std::string text, const Spec& spec, char own_align) {
  const auto size = static_cast<int64_t>(count_code_points(text));
  if (size >= spec.width) return text;
  const auto missing = static_cast<size_t>(spec.width - size);
  const char align = spec.align ? spec.align : own_align;
  const size_t left = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  std::string out;
  auto fill = [&](size_t count) {
    for (size_t i = 0; i < count; ++i) out += spec.fill;
  };
  if (align == '=') {
    const size_t signs = !text.empty() && (text[0] == '-' || text[0] == '+' || text[0] == ' ') ? 1 : 0;
    out = text.substr(0, signs);
    fill(missing);
    return out + text.substr(signs);
  }
  fill(left);
  out += text;
  fill(missing - left);
  return out;
}

static std::string with_sign(bool negative, std::string digits, const Spec& spec) {
  if (negative) {
    digits.insert(digits.begin(), '-');
  } else if (spec.sign != '-') {
    digits.insert(digits.begin(), spec.sign);
  }
  return digits;
}

static std::string grouped(const std::string& digits, char mark) {
  if (!mark) return digits;
  const size_t end = digits.find_first_not_of("0123456789");
  const size_t whole = end == std::string::npos ? digits.size() : end;
  std::string out;
  for (size_t i = 0; i < whole; ++i) {
    if (i > 0 && (whole - i) % 3 == 0) out += mark;
    out += digits[i];
  }
  return out + digits.substr(whole);
}

static std::string in_base(uint64_t magnitude, char type, bool alternate) {
  switch (type) {
    case 'x':
      return fmt::format("{}{:x}", alternate ? "0x" : "", magnitude);
    case 'X':
      return fmt::format("{}{:X}", alternate ? "0X" : "", magnitude);
    case 'o':
      return fmt::format("{}{:o}", alternate ? "0o" : "", magnitude);
    case 'b':
      return fmt::format("{}{:b}", alternate ? "0b" : "", magnitude);
    default:
      return std::to_string(magnitude);
  }
}

std::string format_integer(int64_t number, const Spec& spec) {
  const uint64_t magnitude = number < 0 ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
  std::string digits = in_base(magnitude, spec.type, spec.alternate);
  if (spec.precision >= 0 && static_cast<int64_t>(digits.size()) < spec.precision) {
    digits.insert(0, static_cast<size_t>(spec.precision) - digits.size(), '0');
  }
  return with_sign(number < 0, grouped(digits, spec.grouping), spec);
}

std::string print_double(double d, char type, int precision, bool alternate) {
  const std::string format = std::string(alternate ? "%#.*" : "%.*") + type;
  const int size = std::snprintf(nullptr, 0, format.c_str(), precision, d);
  std::string text(static_cast<size_t>(size) + 1, '\0');
  std::snprintf(text.data(), text.size(), format.c_str(), precision, d);
  text.resize(static_cast<size_t>(size));
  return text;
}

std::string format_real(double d, const Spec& spec) {
  const double magnitude = std::fabs(d);
  const bool negative = std::signbit(d) && !std::isnan(d);
  if (!std::isfinite(d)) {
    std::string name = std::isnan(d) ? "nan" : "inf";
    if (spec.type && std::isupper(static_cast<unsigned char>(spec.type))) name = to_upper(name);
    return with_sign(negative, name, spec);
  }
  if (!spec.type && spec.precision < 0)
    return with_sign(negative, grouped(float_text(magnitude), spec.grouping), spec);
  const int precision = spec.precision < 0 ? 6 : static_cast<int>(spec.precision);
  if (spec.type == '%') {
    return with_sign(
        negative, grouped(print_double(magnitude * 100, 'f', precision, false), spec.grouping) + "%", spec);
  }
  const char type = spec.type ? spec.type : 'g';
  return with_sign(negative, grouped(print_double(magnitude, type, precision, spec.alternate), spec.grouping),
                   spec);
}

std::string cut(const std::string& text, int64_t precision) {
  return precision < 0 ? text : text.substr(0, offset_of(text, static_cast<size_t>(precision)));
}

double round_half_even(double x, int64_t digits) {
  if (!std::isfinite(x) || digits > 323) return x;
  if (digits < -308) return 0.0 * x;
  if (digits >= 0) return std::strtod(print_double(x, 'f', static_cast<int>(digits), false).c_str(), nullptr);
  const double scale = std::pow(10.0, static_cast<double>(-digits));
  return std::nearbyint(x / scale) * scale;
}

}  // namespace pingti::jinja
