// `tojson`, as transformers defines it: json.dumps without escaping for HTML.
#include "jinja/filters.h"
#include "jinja/json_text.h"
#include "jinja/operators.h"

namespace pingti::jinja {
namespace {

constexpr int64_t kMaxIndent = 1000;

void read_separators(const Value& value, JsonStyle* style, const Maker& make) {
  const Values both = items_of(value, make);
  if (both.size() != 2 || !both[0].is_string() || !both[1].is_string()) {
    throw_runtime("separators must be a pair of strings");
  }
  style->item_separator = both[0].text();
  style->key_separator = both[1].text();
}

void read_indent(const Value& value, JsonStyle* style) {
  if (value.is_string()) {
    style->indent = value.text();
  } else if (value.is_integral()) {
    if (value.as_int() > kMaxIndent) throw_limit("the indent is too large");
    style->indent = std::string(static_cast<size_t>(std::max<int64_t>(0, value.as_int())), ' ');
  } else {
    throw_runtime("indent must be a number or text");
  }
  style->item_separator = std::string(1, ',');
}

Value to_json_filter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Signature take("tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ascii = take.flag(0, false);
  if (take.given(1) && !take.required(1).is_none()) read_indent(take.required(1), &style);
  if (take.given(2) && !take.required(2).is_none())
    read_separators(take.required(2), &style, interpreter.make());
  style.sort_keys = take.flag(3, false);
  return interpreter.make().string(to_json(input, style, interpreter.make()));
}

constexpr FilterRow kRows[] = {{"tojson", to_json_filter}};

}  // namespace

std::span<const FilterRow> json_filters() { return kRows; }

}  // namespace pingti::jinja
