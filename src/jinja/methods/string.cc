// The methods of str.
#include <fmt/core.h>

#include <algorithm>
#include <string_view>

#include "jinja/attributes.h"
#include "jinja/format.h"
#include "jinja/interpreter.h"
#include "jinja/operators.h"
#include "jinja/repr.h"
#include "jinja/text.h"

namespace pingti::jinja {
namespace {

// A string result; of the same kind (markup or not) as the string it came from.
Value same(const Value& self, std::string text, Interpreter& interpreter) {
  return interpreter.make().string(std::move(text), self.is_markup());
}

Value list_of(const Value& self, const std::vector<std::string_view>& parts, Interpreter& interpreter) {
  Values items;
  items.reserve(parts.size());
  for (std::string_view part : parts) items.push_back(same(self, std::string(part), interpreter));
  return interpreter.make().list(std::move(items));
}

template <std::string (*convert)(std::string_view)>
Value converted(const Value& self, const Arguments& arguments, Interpreter& interpreter) {
  Signature take("str method", arguments, {});
  return same(self, convert(self.text()), interpreter);
}

template <Side side>
Value strip(const Value& self, const Arguments& arguments, Interpreter& interpreter) {
  Signature take("strip", arguments, {"chars"});
  const bool spaces = !take.given(0) || take.required(0).is_none();
  const std::string set = spaces ? std::string() : take.text(0, "");
  interpreter.meter().touch_bytes(self.text().size() + set.size());
  return same(self, std::string(spaces ? strip_space(self.text(), side) : strip_any(self.text(), set, side)),
              interpreter);
}

template <bool from_right>
Value split_method(const Value& self, const Arguments& arguments, Interpreter& interpreter) {
  Signature take("split", arguments, {"sep", "maxsplit"});
  const int64_t limit = take.integer(1, -1);
  interpreter.meter().touch_bytes(self.text().size());
  interpreter.meter().expect_bytes(self.text().size() * sizeof(std::string_view) / 2);
  if (!take.given(0) || take.required(0).is_none()) {
    return list_of(self, from_right ? split_space_right(self.text(), limit) : split_space(self.text(), limit),
                   interpreter);
  }
  const std::string separator = take.text(0, "");
  if (separator.empty()) throw_runtime("empty separator");
  return list_of(
      self, from_right ? split_right(self.text(), separator, limit) : split(self.text(), separator, limit),
      interpreter);
}

Value split_lines_method(const Value& self, const Arguments& arguments, Interpreter& interpreter) {
  Signature take("splitlines", arguments, {"keepends"});
  return list_of(self, split_lines(self.text(), take.flag(0, false)), interpreter);
}

template <bool from_right>
Value partition(const Value& self, const Arguments& arguments, Interpreter& interpreter) {
  Signature take("partition", arguments, {"sep"});
  take.required(0);
  const std::string separator = take.text(0, "");
  if (separator.empty()) throw_runtime("empty separator");
  const std::string& text = self.text();
  const size_t at = from_right ? text.rfind(separator) : text.find(separator);
  std::string before = text, middle, after;
  if (at != std::string::npos) {
    before = text.substr(0, at);
    middle = separator;
    after = text.substr(at + separator.size());
  } else if (from_right) {
    std::swap(before, after);
  }
  return interpreter.make().tuple(
      {same(self, before, interpreter), same(self, middle, interpreter), same(self, after, interpreter)});
}

// The part of the text that start and end choose, in code points, as slices do; false: start is past the end.
bool window(const Value& self, const Signature& take, Interpreter& interpreter, std::string_view* part,
            int64_t* start) {
  const std::string& text = self.text();
  interpreter.meter().touch_bytes(text.size());
  const auto length = static_cast<int64_t>(count_code_points(text));
  auto bound = [&](size_t index, int64_t otherwise) {
    if (!take.given(index) || take.required(index).is_none()) return otherwise;
    int64_t value = take.integer(index, otherwise);
    if (value < 0) value = std::max<int64_t>(0, value + length);
    return value;
  };
  *start = bound(1, 0);
  const int64_t stop = std::min(bound(2, length), length);
  if (*start > length || *start > stop) return false;
  const size_t from = offset_of(text, static_cast<size_t>(*start));
  *part = std::string_view(text).substr(from, offset_of(text, static_cast<size_t>(stop)) - from);
  return true;
}

template <bool at_end>
Value starts_or_ends(const Value& self, const Arguments& arguments, Interpreter& interpreter) {
  Signature take(at_end ? "endswith" : "startswith", arguments, {"affix", "start", "end"});
  std::string_view part;
  int64_t start = 0;
  const Value& affix = take.required(0);
  const Values one{affix};
  const Values& affixes = affix.is(Kind::kTuple) ? affix.items() : one;
  const bool inside = window(self, take, interpreter, &part, &start);
  for (const Value& candidate : affixes) {
    if (candidate.is_undefined()) throw_undefined(candidate);
    if (!candidate.is_string()) {
      throw_runtime(
          fmt::format("startswith and endswith want str or a tuple of str, not {}", type_name(candidate)));
    }
    if (inside && (at_end ? part.ends_with(candidate.text()) : part.starts_with(candidate.text()))) {
      return Value::boolean(true);
    }
  }
  return Value::boolean(false);
}

template <bool from_right, bool must_exist>
Value find(const Value& self, const Arguments& arguments, Interpreter& interpreter) {
  Signature take("find", arguments, {"sub", "start", "end"});
  take.required(0);
  const std::string wanted = take.text(0, "");
  std::string_view part;
  int64_t start = 0;
  if (window(self, take, interpreter, &part, &start)) {
    const size_t at = from_right ? part.rfind(wanted) : part.find(wanted);
    if (at != std::string_view::npos) {
      return Value::integer(start + static_cast<int64_t>(count_code_points(part.substr(0, at))));
    }
  }
  if (must_exist) throw_runtime("substring not found");
  return Value::integer(-1);
}

Value count(const Value& self, const Arguments& arguments, Interpreter& interpreter) {
  Signature take("count", arguments, {"sub", "start", "end"});
  take.required(0);
  const std::string wanted = take.text(0, "");
  std::string_view part;
  int64_t start = 0;
  if (!window(self, take, interpreter, &part, &start)) return Value::integer(0);
  return Value::integer(static_cast<int64_t>(count_of(part, wanted)));
}

Value replace_method(const Value& self, const Arguments& arguments, Interpreter& interpreter) {
  if (arguments.find("old") || arguments.find("new")) throw_runtime("replace() takes no keyword arguments");
  Signature take("replace", arguments, {"old", "new", "count"});
  take.required(1);
  return same(self,
              replace_within(self.text(), take.text(0, ""), take.text(1, ""), take.integer(2, -1),
                             interpreter.make()),
              interpreter);
}

template <bool prefix>
Value remove_affix(const Value& self, const Arguments& arguments, Interpreter& interpreter) {
  Signature take("removeprefix", arguments, {"affix"});
  take.required(0);
  const std::string affix = take.text(0, "");
  std::string_view text = self.text();
  if (prefix ? text.starts_with(affix) : text.ends_with(affix)) {
    prefix ? text.remove_prefix(affix.size()) : text.remove_suffix(affix.size());
  }
  return same(self, std::string(text), interpreter);
}

Value join(const Value& self, const Arguments& arguments, Interpreter& interpreter) {
  Signature take("join", arguments, {"iterable"});
  std::string text;
  bool first = true;
  for (const Value& item : items_of(take.required(0), interpreter.make())) {
    if (!first) text += self.text();
    first = false;
    if (item.is_undefined()) throw_runtime("sequence item: expected str instance, Undefined found");
    if (!item.is_string()) {
      throw_runtime(fmt::format("sequence item: expected str instance, {} found", type_name(item)));
    }
    text += self.is_markup() && !item.is_markup() ? escape_html(item.text()) : item.text();
    interpreter.meter().expect_bytes(text.size());
  }
  return same(self, std::move(text), interpreter);
}

Value format_method(const Value& self, const Arguments& arguments, Interpreter& interpreter) {
  return same(self, format_braces(self.text(), arguments, interpreter.make()), interpreter);
}

enum class Pad { kLeft, kRight, kCenter };

template <Pad kind>
Value justify(const Value& self, const Arguments& arguments, Interpreter& interpreter) {
  Signature take("justify", arguments, {"width", "fillchar"});
  take.required(0);
  const std::string fill = take.text(1, " ");
  if (count_code_points(fill) != 1) throw_runtime("The fill character must be exactly one character long");
  const auto length = static_cast<int64_t>(count_code_points(self.text()));
  const int64_t width = take.integer(0, 0);
  if (width <= length) return same(self, self.text(), interpreter);
  const int64_t missing = width - length;
  interpreter.meter().expect_bytes(static_cast<size_t>(missing));
  interpreter.meter().expect_bytes(static_cast<size_t>(missing) * fill.size());
  int64_t left = kind == Pad::kLeft ? 0 : missing;
  if (kind == Pad::kCenter) left = missing / 2 + (missing & (length + missing) & 1);
  std::string text;
  for (int64_t i = 0; i < left; ++i) text += fill;
  text += self.text();
  for (int64_t i = left; i < missing; ++i) text += fill;
  return same(self, std::move(text), interpreter);
}

Value zero_fill(const Value& self, const Arguments& arguments, Interpreter& interpreter) {
  Signature take("zfill", arguments, {"width"});
  take.required(0);
  std::string text = self.text();
  const int64_t width = take.integer(0, 0), length = static_cast<int64_t>(count_code_points(text));
  if (width > length) {
    const int64_t missing = width - length;
    interpreter.meter().expect_bytes(static_cast<size_t>(missing));
    const size_t sign = !text.empty() && (text[0] == '+' || text[0] == '-') ? 1 : 0;
    text.insert(sign, static_cast<size_t>(missing), '0');
  }
  return same(self, std::move(text), interpreter);
}

Value expand_tabs(const Value& self, const Arguments& arguments, Interpreter& interpreter) {
  Signature take("expandtabs", arguments, {"tabsize"});
  interpreter.meter().expect_bytes(self.text().size() * sizeof(std::string_view));
  const int64_t size = take.integer(0, 8);
  std::string text;
  int64_t column = 0;
  for (std::string_view character : characters(self.text())) {
    if (character == "\t") {
      const int64_t missing = size > 0 ? size - column % size : 0;
      interpreter.meter().expect_bytes(text.size() + static_cast<size_t>(missing));
      text.append(static_cast<size_t>(missing), ' ');
      column += missing;
    } else {
      text += character;
      column = character == "\n" || character == "\r" ? 0 : column + 1;
    }
  }
  return same(self, std::move(text), interpreter);
}

template <bool (*member)(int32_t)>
Value all_are(const Value& self, const Arguments& arguments, Interpreter& interpreter) {
  Signature take("str test", arguments, {});
  const std::string& text = self.text();
  interpreter.meter().touch_bytes(text.size());
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = decode_at(text, at);
    if (!member(point.value)) return Value::boolean(false);
    at += point.size;
  }
  return Value::boolean(!text.empty());
}

bool is_alphanumeric(int32_t c) { return is_alpha(c) || is_numeric(c); }

Value is_ascii_method(const Value& self, const Arguments&, Interpreter&) {
  return Value::boolean(is_ascii(self.text()));
}

Value is_printable_method(const Value& self, const Arguments& arguments, Interpreter& interpreter) {
  return self.text().empty() ? Value::boolean(true) : all_are<is_printable>(self, arguments, interpreter);
}

Value is_identifier(const Value& self, const Arguments&, Interpreter&) {
  const std::string& text = self.text();
  bool valid = !text.empty();
  for (size_t at = 0; valid && at < text.size();) {
    const CodePoint point = decode_at(text, at);
    valid = at == 0 ? point.value == '_' || is_alpha(point.value) : is_word(point.value);
    at += point.size;
  }
  return Value::boolean(valid);
}

Value is_title(const Value& self, const Arguments&, Interpreter&) {
  bool after_cased = false, any = false;
  const std::string& text = self.text();
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = decode_at(text, at);
    const bool upper = is_upper(point.value) || is_titlecase(point.value), lower = is_lower(point.value);
    if ((upper && after_cased) || (lower && !after_cased)) return Value::boolean(false);
    after_cased = upper || lower;
    any = any || after_cased;
    at += point.size;
  }
  return Value::boolean(any);
}

Value is_lower_method(const Value& self, const Arguments&, Interpreter&) {
  return Value::boolean(all_lower(self.text()));
}
Value is_upper_method(const Value& self, const Arguments&, Interpreter&) {
  return Value::boolean(all_upper(self.text()));
}

struct Row {
  std::string_view name;
  Method method;
};

constexpr Row kMethods[] = {
    {"capitalize", converted<capitalize>},
    {"casefold", converted<to_lower>},
    {"center", justify<Pad::kCenter>},
    {"count", count},
    {"endswith", starts_or_ends<true>},
    {"expandtabs", expand_tabs},
    {"find", find<false, false>},
    {"format", format_method},
    {"index", find<false, true>},
    {"isalnum", all_are<is_alphanumeric>},
    {"isalpha", all_are<is_alpha>},
    {"isascii", is_ascii_method},
    {"isdecimal", all_are<is_decimal>},
    {"isdigit", all_are<is_digit>},
    {"isidentifier", is_identifier},
    {"islower", is_lower_method},
    {"isnumeric", all_are<is_numeric>},
    {"isprintable", is_printable_method},
    {"isspace", all_are<is_space>},
    {"istitle", is_title},
    {"isupper", is_upper_method},
    {"join", join},
    {"ljust", justify<Pad::kLeft>},
    {"lower", converted<to_lower>},
    {"lstrip", strip<Side::kLeft>},
    {"partition", partition<false>},
    {"removeprefix", remove_affix<true>},
    {"removesuffix", remove_affix<false>},
    {"replace", replace_method},
    {"rfind", find<true, false>},
    {"rindex", find<true, true>},
    {"rjust", justify<Pad::kRight>},
    {"rpartition", partition<true>},
    {"rsplit", split_method<true>},
    {"rstrip", strip<Side::kRight>},
    {"split", split_method<false>},
    {"splitlines", split_lines_method},
    {"startswith", starts_or_ends<false>},
    {"strip", strip<Side::kBoth>},
    {"swapcase", converted<swap_case>},
    {"title", converted<to_title>},
    {"upper", converted<to_upper>},
    {"zfill", zero_fill},
};

}  // namespace

Method find_string_method(std::string_view name) {
  for (const Row& row : kMethods) {
    if (row.name == name) return row.method;
  }
  return nullptr;
}

std::string replace_within(std::string_view text, std::string_view from, std::string_view to, int64_t limit,
                           const Maker& make) {
  make.meter()->touch_bytes(text.size());
  if (from.empty()) make.meter()->expect_bytes(text.size() * sizeof(std::string_view));
  if (to.size() > from.size()) {
    const size_t found = count_of(text, from);
    const size_t times = limit < 0 ? found : std::min(found, static_cast<size_t>(limit));
    if (times > 0 && to.size() > SIZE_MAX / 2 / times)
      throw_limit("the template's values take too much memory");
    make.meter()->expect_bytes(text.size() + times * (to.size() - from.size()));
  }
  return replace(text, from, to, limit);
}

bool all_lower(std::string_view text) {
  bool any = false;
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = decode_at(text, at);
    if (is_upper(point.value) || is_titlecase(point.value)) return false;
    any = any || is_lower(point.value);
    at += point.size;
  }
  return any;
}

bool all_upper(std::string_view text) {
  bool any = false;
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = decode_at(text, at);
    if (is_lower(point.value) || is_titlecase(point.value)) return false;
    any = any || is_upper(point.value);
    at += point.size;
  }
  return any;
}

}  // namespace pingti::jinja
