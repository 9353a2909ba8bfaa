// 'text'.format(arguments)
#include <fmt/core.h>

#include <algorithm>
#include <cctype>

#include "jinja/attributes.h"
#include "jinja/format.h"
#include "jinja/format_spec.h"
#include "jinja/operators.h"
#include "jinja/repr.h"
#include "jinja/text.h"

namespace pingti::jinja {
namespace {

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
      spec.fill.assign(1, '0');
    }
    ++at;
  }
  spec.width = read_digits(text, &at, kMaxWidth);
  if (at < text.size() && (text[at] == ',' || text[at] == '_')) spec.grouping = text[at++];
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (at == text.size() || !std::isdigit(static_cast<unsigned char>(text[at]))) {
      throw_runtime("Format specifier missing precision");
    }
    spec.precision = read_digits(text, &at, kMaxPrecision);
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

std::string format_braces(std::string_view format, const Arguments& arguments, const Maker& make) {
  return BraceFormatter(arguments, make).run(format, 0);
}

}  // namespace pingti::jinja
