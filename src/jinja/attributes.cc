#include "jinja/attributes.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "jinja/operators.h"
#include "jinja/repr.h"

namespace pingti::jinja {
namespace {

struct BoundMethod : Callable {
  BoundMethod(Value self, Method method) : self(std::move(self)), method(method) {}
  Value call(Interpreter& interpreter, Arguments arguments) const override {
    return method(self, arguments, interpreter);
  }
  std::string description() const override { return "built-in method"; }
  Value self;
  Method method;
};

// The sandbox lets nothing change a list or a dict.
bool is_unsafe(Kind kind, std::string_view name) {
  static constexpr std::string_view kList[] = {"append", "clear", "pop",    "reverse",
                                               "insert", "sort",  "extend", "remove"};
  static constexpr std::string_view kDict[] = {"clear", "pop", "popitem", "setdefault", "update"};
  if (kind == Kind::kList) return std::find(std::begin(kList), std::end(kList), name) != std::end(kList);
  if (kind == Kind::kDict) return std::find(std::begin(kDict), std::end(kDict), name) != std::end(kDict);
  return false;
}

Value float_is_integer(const Value& self, const Arguments&, Interpreter&) {
  return Value::boolean(std::isfinite(self.as_double()) && self.as_double() == std::floor(self.as_double()));
}

std::string shorten(std::string text) {
  if (text.size() > 80) text = text.substr(0, 77) + "...";
  return text;
}

Value missing(const Value& value, const Value& key, const Maker& make) {
  const std::string_view relation = key.is_string() ? "attribute" : "element";
  const std::string owner = value.is_none() ? "None" : fmt::format("'{} object'", type_name(value));
  const bool small = extent_of(key).weight < 16;
  return Value::undefined(
      fmt::format("{} has no {} {}", owner, relation, small ? shorten(to_repr(key, make)) : "..."));
}

bool find_method(const Value& value, std::string_view name, Method* method) {
  if (value.is_string()) {
    *method = find_string_method(name);
  } else if (value.is(Kind::kFloat) && name == "is_integer") {
    *method = float_is_integer;
  } else {
    *method = find_container_method(value.kind(), name);
  }
  return *method != nullptr;
}

}  // namespace

bool find_attribute(const Value& value, std::string_view name, const Maker& make, Value* found) {
  if (value.is_undefined()) throw_undefined(value);
  if (is_unsafe(value.kind(), name)) {
    *found = Value::undefined(
        fmt::format("access to attribute '{}' of '{}' object is unsafe.", name, type_name(value)));
    return true;
  }
  if (value.is(Kind::kNamespace)) {
    make.meter()->touch_items(value.object<NamespaceObject>()->entries.size());
    const Value* member = value.object<NamespaceObject>()->find(name);
    if (member) *found = *member;
    return member != nullptr;
  }
  if (value.is(Kind::kObject)) return value.mutable_object<AttributeObject>()->find(name, make, found);
  if (value.is(Kind::kTuple) && value.object<ListObject>()->group) {
    if (name == "grouper" || name == "list") {
      *found = value.items()[name == "list"];
      return true;
    }
  }
  Method method = nullptr;
  if (!find_method(value, name, &method)) return false;
  *found = Value(Kind::kCallable, std::make_shared<BoundMethod>(value, method));
  return true;
}

Value get_attribute(const Value& value, std::string_view name, const Maker& make) {
  Value found;
  if (find_attribute(value, name, make, &found)) return found;
  if (value.is(Kind::kDict)) {
    if (const Value* item = value.dict().find(name)) return *item;
  }
  return missing(value, make.string(std::string(name)), make);
}

Value get_item(const Value& value, const Value& key, const Maker& make) {
  Value found;
  if (find_item(value, key, make, &found)) return found;
  if (key.is_string() && find_attribute(value, key.text(), make, &found)) return found;
  return missing(value, key, make);
}

}  // namespace pingti::jinja
