#include "jinja/format.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>

#include "jinja/attributes.h"
#include "jinja/operators.h"
#include "jinja/repr.h"
#include "jinja/text.h"

namespace pingti::jinja {
namespace {

constexpr int64_t kMaxWidth = 100'000;
constexpr int64_t kMaxPrecision = 1'000;

struct Spec {
  std::string fill = " ";
  char align = 0;   // < > ^ = or 0: the type's own
  char sign = '-';  // - + or space
  bool alternate = false;
  bool zero = false;
  char grouping = 0;  // , or _
  int64_t width = 0;
  int64_t precision = -1;
  char type = 0;
};

int64_t read_number(std::string_view text, size_t* at, int64_t limit) {
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

std::string with_sign(bool negative, std::string digits, const Spec& spec) {
  if (negative) {
    digits.insert(digits.begin(), '-');
  } else if (spec.sign != '-') {
    digits.insert(digits.begin(), spec.sign);
  }
  return digits;
}

std::string grouped(const std::string& digits, char mark) {
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

std::string in_base(uint64_t magnitude, char type, bool alternate) {
  switch (type) {
    case 'x':
      return (alternate ? "0x" : "") + fmt::format("{:x}", magnitude);
    case 'X':
      return (alternate ? "0X" : "") + fmt::format("{:X}", magnitude);
    case 'o':
      return (alternate ? "0o" : "") + fmt::format("{:o}", magnitude);
    case 'b':
      return (alternate ? "0b" : "") + fmt::format("{:b}", magnitude);
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

// ---- 'text' % arguments

class PercentFormatter {
 public:
  PercentFormatter(std::string_view format, const Value& arguments, const Maker& make)
      : format_(format), arguments_(arguments), make_(make) {}

  std::string run() {
    while (at_ < format_.size()) {
      const size_t mark = std::min(format_.find('%', at_), format_.size());
      out_ += format_.substr(at_, mark - at_);
      at_ = mark;
      if (at_ < format_.size()) conversion();
      make_.meter()->step();
      make_.meter()->expect_bytes(out_.size());
    }
    const bool leftover = arguments_.is(Kind::kTuple) ? used_ < arguments_.items().size()
                                                      : !used_ && !named_ && !arguments_.is(Kind::kDict) &&
                                                            !arguments_.is(Kind::kList);
    if (leftover) throw_runtime("not all arguments converted during string formatting");
    return std::move(out_);
  }

 private:
  char peek() const {
    if (at_ >= format_.size()) throw_runtime("incomplete format");
    return format_[at_];
  }

  Value next() {
    if (arguments_.is(Kind::kTuple)) {
      if (used_ >= arguments_.items().size()) throw_runtime("not enough arguments for format string");
      return arguments_.items()[used_++];
    }
    if (used_++ > 0) throw_runtime("not enough arguments for format string");
    return arguments_;
  }

  int64_t number_or_star(int64_t limit) {
    if (at_ < format_.size() && format_[at_] == '*') {
      ++at_;
      const Value value = next();
      if (!value.is_integral()) throw_runtime("* wants int");
      if (value.as_int() > limit || value.as_int() < -limit) throw_limit("a width or precision is too large");
      return value.as_int();
    }
    return read_number(format_, &at_, limit);
  }

  Value named() {
    const size_t close = format_.find(')', at_);
    if (close == std::string_view::npos) throw_runtime("incomplete format key");
    if (!arguments_.is(Kind::kDict)) throw_runtime("format requires a mapping");
    const std::string_view name = format_.substr(at_ + 1, close - at_ - 1);
    const Value* value = arguments_.dict().find(name);
    if (!value) throw_runtime(fmt::format("no key '{}' to format", name));
    at_ = close + 1;
    named_ = true;
    return *value;
  }

  void conversion() {
    ++at_;
    Value value;
    bool have_value = false;
    if (peek() == '(') {
      value = named();
      have_value = true;
    }
    Spec spec;
    bool left = false;
    for (;; ++at_) {
      const char c = peek();
      if (c == '-') {
        left = true;
      } else if (c == '+') {
        spec.sign = '+';
      } else if (c == ' ') {
        if (spec.sign != '+') spec.sign = ' ';
      } else if (c == '0') {
        spec.zero = true;
      } else if (c == '#') {
        spec.alternate = true;
      } else {
        break;
      }
    }
    spec.width = number_or_star(kMaxWidth);
    if (spec.width < 0) {
      left = true;
      spec.width = -spec.width;
    }
    if (peek() == '.') {
      ++at_;
      spec.precision = std::max<int64_t>(0, number_or_star(kMaxPrecision));
    }
    while (peek() == 'l' || peek() == 'h' || peek() == 'L') ++at_;
    spec.type = peek();
    ++at_;
    if (spec.type == '%') {
      out_ += '%';
      return;
    }
    if (!have_value) value = next();
    emit(value, spec, left);
  }

  void emit(const Value& value, Spec spec, bool left) {
    const bool numeric = std::string_view("diuoxXeEfFgG").find(spec.type) != std::string_view::npos;
    const std::string text = convert(value, spec);
    if (left) {
      spec.align = '<';
    } else if (spec.zero && numeric) {
      spec.align = '=';
      spec.fill = "0";
    }
    out_ += pad(text, spec, '>');
  }

  std::string convert(const Value& value, const Spec& spec) {
    switch (spec.type) {
      case 's':
        return cut(to_text(value, make_), spec.precision);
      case 'r':
      case 'a':
        return cut(to_repr(value, make_), spec.precision);
      case 'd':
      case 'i':
      case 'u':
      case 'x':
      case 'X':
      case 'o':
        return integer(value, spec);
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        if (value.is_undefined()) throw_undefined(value);
        if (!value.is_number()) throw_runtime(fmt::format("must be real number, not {}", type_name(value)));
        return format_real(value.as_double(), spec);
      case 'c':
        if (value.is_string() && count_code_points(value.text()) == 1) return value.text();
        if (value.is_integral() && value.as_int() >= 0 && value.as_int() <= 0x10FFFF) {
          std::string text;
          append_code_point(text, static_cast<uint32_t>(value.as_int()));
          return text;
        }
        throw_runtime("%c requires int or char");
      default:
        throw_runtime(fmt::format("unsupported format character '{}'", spec.type));
    }
  }

  std::string integer(const Value& value, const Spec& spec) {
    if (value.is_undefined()) throw_undefined(value);
    const bool decimal = spec.type == 'd' || spec.type == 'i' || spec.type == 'u';
    if (decimal && value.is(Kind::kFloat))
      return format_integer(int_from_double(value.as_double()).as_int(), spec);
    if (!value.is_integral()) {
      throw_runtime(fmt::format("%{} format: a number is required, not {}", spec.type, type_name(value)));
    }
    return format_integer(value.as_int(), spec);
  }

  std::string_view format_;
  const Value& arguments_;
  const Maker& make_;
  std::string out_;
  size_t at_ = 0;
  size_t used_ = 0;
  bool named_ = false;
};

// ---- 'text'.format(arguments)

Spec parse_spec(std::string_view text) {
  Spec spec;
  size_t at = 0;
  auto is_align = [](char c) { return c == '<' || c == '>' || c == '^' || c == '='; };
  if (!text.empty()) {
    const size_t first = decode_at(text, 0).size;
    if (first < text.size() && is_align(text[first])) {
      spec.fill = text.substr(0, first);
      spec.align = text[first];
      at = first + 1;
    } else if (is_align(text[0])) {
      spec.align = text[0];
      at = 1;
    }
  }
  if (at < text.size() && (text[at] == '+' || text[at] == '-' || text[at] == ' ')) spec.sign = text[at++];
  if (at < text.size() && text[at] == '#') spec.alternate = true, ++at;
  if (at < text.size() && text[at] == '0') {
    spec.zero = true;
    if (!spec.align) {
      spec.align = '=';
      spec.fill = "0";
    }
    ++at;
  }
  spec.width = read_number(text, &at, kMaxWidth);
  if (at < text.size() && (text[at] == ',' || text[at] == '_')) spec.grouping = text[at++];
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (at == text.size() || !std::isdigit(static_cast<unsigned char>(text[at]))) {
      throw_runtime("Format specifier missing precision");
    }
    spec.precision = read_number(text, &at, kMaxPrecision);
  }
  if (at < text.size()) spec.type = text[at++];
  if (at != text.size()) throw_runtime(fmt::format("Invalid format specifier '{}'", text));
  return spec;
}

std::string apply_spec(const Value& value, std::string_view text, const Maker& make) {
  if (text.empty()) return to_text(value, make);
  Spec spec = parse_spec(text);
  const bool real_type = spec.type && std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos;
  if (value.is_integral() && !real_type) {
    if (value.is(Kind::kBool) && !spec.type) return pad(value.as_bool() ? "True" : "False", spec, '<');
    if (spec.precision >= 0) throw_runtime("Precision not allowed in integer format specifier");
    if (spec.type && std::string_view("dxXobn").find(spec.type) == std::string_view::npos) {
      throw_runtime(fmt::format("Unknown format code '{}' for object of type 'int'", spec.type));
    }
    return pad(format_integer(value.as_int(), spec), spec, '>');
  }
  if (value.is_number()) {
    if (spec.type && !real_type) {
      throw_runtime(fmt::format("Unknown format code '{}' for object of type 'float'", spec.type));
    }
    return pad(format_real(value.as_double(), spec), spec, '>');
  }
  if (!value.is_string()) {
    throw_runtime(fmt::format("unsupported format string passed to {}.__format__", type_name(value)));
  }
  if ((spec.type && spec.type != 's') || spec.align == '=') {
    throw_runtime("Unknown format code for object of type 'str'");
  }
  return pad(cut(value.text(), spec.precision), spec, '<');
}

class BraceFormatter {
 public:
  BraceFormatter(const Arguments& arguments, const Maker& make) : arguments_(arguments), make_(make) {}

  std::string run(std::string_view format, int depth) {
    if (depth > 2) throw_runtime("Max string recursion exceeded");
    std::string out;
    for (size_t at = 0; at < format.size();) {
      const char c = format[at];
      if (c != '{' && c != '}') {
        out += c;
        ++at;
      } else if (at + 1 < format.size() && format[at + 1] == c) {
        out += c;
        at += 2;
      } else if (c == '}') {
        throw_runtime("Single '}' encountered in format string");
      } else {
        const size_t close = matching(format, at);
        out += field(format.substr(at + 1, close - at - 1), depth);
        at = close + 1;
      }
      make_.meter()->expect_bytes(out.size());
    }
    make_.meter()->touch_bytes(out.size() + format.size());
    return out;
  }

 private:
  static size_t matching(std::string_view format, size_t open) {
    int depth = 0;
    for (size_t at = open; at < format.size(); ++at) {
      if (format[at] == '{') ++depth;
      if (format[at] == '}' && --depth == 0) return at;
    }
    throw_runtime("expected '}' before end of string");
  }

  std::string field(std::string_view text, int depth) {
    make_.meter()->step();
    const size_t end = text.find_first_of("!:");
    const std::string_view name = text.substr(0, end);
    std::string_view rest = end == std::string_view::npos ? std::string_view{} : text.substr(end);
    Value value = lookup(name);
    if (!rest.empty() && rest[0] == '!') {
      if (rest.size() < 2) throw_runtime("end of string while looking for conversion specifier");
      value = make_.string(rest[1] == 's' ? to_text(value, make_) : to_repr(value, make_));
      rest.remove_prefix(2);
    }
    if (!rest.empty() && rest[0] == ':') rest.remove_prefix(1);
    return apply_spec(value, run(rest, depth + 1), make_);
  }

  Value positional(std::string_view name) {
    int64_t index = 0;
    if (name.empty()) {
      index = automatic_++;
    } else {
      parse_int(name, 10, &index);
    }
    if (index < 0 || index >= static_cast<int64_t>(arguments_.positional.size())) {
      throw_runtime("Replacement index out of range for positional args tuple");
    }
    return arguments_.positional[static_cast<size_t>(index)];
  }

  Value lookup(std::string_view path) {
    const size_t end = std::min(path.find_first_of(".["), path.size());
    const std::string_view first = path.substr(0, end);
    const bool numeric = std::all_of(first.begin(), first.end(), [](char c) { return c >= '0' && c <= '9'; });
    Value value;
    if (numeric) {
      value = positional(first);
    } else if (const Value* named = arguments_.find(first)) {
      value = *named;
    } else {
      throw_runtime(fmt::format("no argument '{}' to format", first));
    }
    for (size_t at = end; at < path.size();) {
      if (path[at] == '.') {
        const size_t stop = std::min(path.find_first_of(".[", at + 1), path.size());
        value = get_attribute(value, path.substr(at + 1, stop - at - 1), make_);
        at = stop;
      } else {
        const size_t stop = path.find(']', at);
        if (stop == std::string_view::npos) throw_runtime("Missing ']' in format string");
        const std::string_view key = path.substr(at + 1, stop - at - 1);
        int64_t index = 0;
        const bool number =
            !key.empty() && std::isdigit(static_cast<unsigned char>(key[0])) && parse_int(key, 10, &index);
        value = get_item(value, number ? Value::integer(index) : make_.string(std::string(key)), make_);
        at = stop + 1;
      }
    }
    return value;
  }

  const Arguments& arguments_;
  const Maker& make_;
  int64_t automatic_ = 0;
};

}  // namespace

std::string format_percent(std::string_view format, const Value& arguments, const Maker& make) {
  return PercentFormatter(format, arguments, make).run();
}

std::string format_braces(std::string_view format, const Arguments& arguments, const Maker& make) {
  return BraceFormatter(arguments, make).run(format, 0);
}

double round_half_even(double x, int64_t digits) {
  if (!std::isfinite(x) || digits > 323) return x;
  if (digits < -308) return 0.0 * x;
  if (digits >= 0) return std::strtod(print_double(x, 'f', static_cast<int>(digits), false).c_str(), nullptr);
  const double scale = std::pow(10.0, static_cast<double>(-digits));
  return std::nearbyint(x / scale) * scale;
}

}  // namespace pingti::jinja
