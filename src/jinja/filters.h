// The filters. Each group is a file under filters/ that ends in a table; filters.cc lists the tables.
#pragma once

#include <span>
#include <string_view>

#include "jinja/callable.h"
#include "jinja/interpreter.h"
#include "jinja/value.h"

namespace pingti::jinja {

using Filter = Value (*)(Interpreter& interpreter, const Value& input, const Arguments& arguments);

struct FilterRow {
  std::string_view name;
  Filter filter;
};

std::span<const FilterRow> text_filters();
std::span<const FilterRow> number_filters();
std::span<const FilterRow> sequence_filters();
std::span<const FilterRow> order_filters();
std::span<const FilterRow> select_filters();
std::span<const FilterRow> layout_filters();
std::span<const FilterRow> json_filters();

Filter find_filter(std::string_view name);  // null: there is none
Value apply_filter(Interpreter& interpreter, std::string_view name, const Value& input,
                   const Arguments& arguments);

// "a.b.0" as make_attrgetter of jinja2 resolves it: an attribute path, or an index.
class AttributePath {
 public:
  AttributePath(const Value& path, const Maker& make);
  Value of(const Value& item) const;
  Value of(const Value& item, const Value& otherwise) const;  // for what is undefined on the way

 private:
  Values parts_;
  const Maker& make_;
};

Value ignore_case(const Value& value, const Maker& make);  // lower case of text, other values as they are

}  // namespace pingti::jinja
