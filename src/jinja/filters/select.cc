// map, select, reject and their attribute forms.
#include <fmt/core.h>

#include "jinja/filters.h"
#include "jinja/operators.h"
#include "jinja/tests.h"

namespace pingti::jinja {
namespace {

// Takes the first positional argument away.
Value shift(Arguments* arguments, std::string_view complaint) {
  if (arguments->positional.empty()) throw_runtime(std::string(complaint));
  Value first = std::move(arguments->positional.front());
  arguments->positional.erase(arguments->positional.begin());
  return first;
}

std::string name_of(const Value& value) {
  if (!value.is_string()) throw_runtime("filters and tests are named by text");
  return value.text();
}

Value map_attribute(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Maker& make = interpreter.make();
  Signature take("map", arguments, {"attribute", "default"});
  const AttributePath path(take.required(0), make);
  const Value otherwise = take.optional(1, Value::none());
  Values mapped;
  for (const Value& item : items_of(input, make)) mapped.push_back(path.of(item, otherwise));
  return make.iterator(std::move(mapped));
}

Value map(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Maker& make = interpreter.make();
  if (!truthy(input)) return make.iterator({});
  if (arguments.positional.empty() && arguments.find("attribute")) {
    return map_attribute(interpreter, input, arguments);
  }
  Arguments rest = arguments;
  const std::string name = name_of(shift(&rest, "map requires a filter argument"));
  Values mapped;
  for (const Value& item : items_of(input, make))
    mapped.push_back(apply_filter(interpreter, name, item, rest));
  return make.iterator(std::move(mapped));
}

template <bool keeps, bool by_attribute>
Value choose(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Maker& make = interpreter.make();
  if (!truthy(input)) return make.iterator({});
  Arguments rest = arguments;
  const AttributePath path(
      by_attribute ? shift(&rest, "Missing parameter for attribute name") : Value::none(), make);
  Test test = nullptr;
  if (!rest.positional.empty()) {
    const std::string name = name_of(shift(&rest, ""));
    test = find_test(name);
    if (!test) throw_runtime(fmt::format("No test named '{}'.", name));
  }
  Values kept;
  for (const Value& item : items_of(input, make)) {
    make.meter()->step();
    const Value subject = path.of(item);
    if ((test ? test(interpreter, subject, rest) : truthy(subject)) == keeps) kept.push_back(item);
  }
  return make.iterator(std::move(kept));
}

constexpr FilterRow kRows[] = {
    {"map", map},
    {"select", choose<true, false>},
    {"reject", choose<false, false>},
    {"selectattr", choose<true, true>},
    {"rejectattr", choose<false, true>},
};

}  // namespace

std::span<const FilterRow> select_filters() { return kRows; }

}  // namespace pingti::jinja
