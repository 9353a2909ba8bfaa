#include "jinja/filters.h"

#include <fmt/core.h>

#include <algorithm>

#include "jinja/attributes.h"
#include "jinja/operators.h"
#include "jinja/text.h"

namespace pingti::jinja {

Filter find_filter(std::string_view name) {
  for (const auto& table : {text_filters(), number_filters(), sequence_filters(), order_filters(),
                            select_filters(), layout_filters(), json_filters()}) {
    for (const FilterRow& row : table) {
      if (row.name == name) return row.filter;
    }
  }
  return nullptr;
}

Value apply_filter(Interpreter& interpreter, std::string_view name, const Value& input,
                   const Arguments& arguments) {
  const Filter filter = find_filter(name);
  if (!filter) throw_runtime(fmt::format("No filter named '{}'.", name));
  return filter(interpreter, input, arguments);
}

AttributePath::AttributePath(const Value& path, const Maker& make) : make_(make) {
  if (path.is_none()) return;
  if (!path.is_string()) {
    parts_.push_back(path);
    return;
  }
  for (std::string_view part : split(path.text(), ".", -1)) {
    const bool number =
        !part.empty() && std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
    int64_t index = 0;
    if (number) parse_int(part, 10, &index);
    parts_.push_back(number ? Value::integer(index) : make.string(std::string(part)));
  }
}

Value AttributePath::of(const Value& item) const {
  Value value = item;
  for (const Value& part : parts_) value = get_item(value, part, make_);
  return value;
}

Value AttributePath::of(const Value& item, const Value& otherwise) const {
  Value value = item;
  for (const Value& part : parts_) {
    value = get_item(value, part, make_);
    if (value.is_undefined() && !otherwise.is_none()) value = otherwise;
  }
  return value;
}

Value ignore_case(const Value& value, const Maker& make) {
  return value.is_string() ? make.string(to_lower(value.text())) : value;
}

}  // namespace pingti::jinja
