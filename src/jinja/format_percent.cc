// 'text' % arguments
#include <fmt/core.h>

#include <algorithm>

#include "jinja/format.h"
#include "jinja/format_spec.h"
#include "jinja/operators.h"
#include "jinja/repr.h"
#include "jinja/text.h"

namespace pingti::jinja {
namespace {

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
    return read_digits(format_, &at_, limit);
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
      spec.fill.assign(1, '0');
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

}  // namespace

std::string format_percent(std::string_view format, const Value& arguments, const Maker& make) {
  return PercentFormatter(format, arguments, make).run();
}

}  // namespace pingti::jinja
