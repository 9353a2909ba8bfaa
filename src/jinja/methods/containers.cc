// Methods of list, tuple, dict, dict views and range that change nothing.
#include <fmt/core.h>

#include <string_view>

#include "jinja/attributes.h"
#include "jinja/interpreter.h"
#include "jinja/operators.h"

namespace pingti::jinja {
namespace {

Value dict_get(const Value& self, const Arguments& arguments, Interpreter& interpreter) {
  if (!arguments.keyword.empty()) throw_runtime("dict.get() takes no keyword arguments");
  Signature take("get", arguments, {"key", "default"});
  const Value& key = take.required(0);
  hash_of(key);
  Value found;
  if (find_item(self, key, interpreter.make(), &found)) return found;
  return take.optional(1, Value::none());
}

template <DictViewObject::Part part>
Value dict_view(const Value& self, const Arguments& arguments, Interpreter& interpreter) {
  Signature take("dict view", arguments, {});
  return interpreter.make().dict_view(self, part);
}

Value copy(const Value& self, const Arguments& arguments, Interpreter& interpreter) {
  Signature take("copy", arguments, {});
  if (self.is(Kind::kDict)) return interpreter.make().dict(self.dict().entries);
  return interpreter.make().list(self.items());
}

Value count(const Value& self, const Arguments& arguments, Interpreter& interpreter) {
  Signature take("count", arguments, {"value"});
  int64_t total = 0;
  for (const Value& item : items_of(self, interpreter.make())) {
    total += compare(CompareOp::kEqual, item, take.required(0), interpreter.make());
  }
  return Value::integer(total);
}

Value index(const Value& self, const Arguments& arguments, Interpreter& interpreter) {
  Signature take("index", arguments, {"value", "start", "stop"});
  const Values items = items_of(self, interpreter.make());
  const auto size = static_cast<int64_t>(items.size());
  int64_t start = take.integer(1, 0), stop = take.integer(2, size);
  if (start < 0) start = std::max<int64_t>(0, start + size);
  if (stop < 0) stop += size;
  for (int64_t i = start; i < stop && i < size; ++i) {
    if (compare(CompareOp::kEqual, items[static_cast<size_t>(i)], take.required(0), interpreter.make())) {
      return Value::integer(i);
    }
  }
  throw_runtime("the value is not in the list");
}

}  // namespace

Method find_container_method(Kind kind, std::string_view name) {
  if (kind == Kind::kDict) {
    if (name == "get") return dict_get;
    if (name == "keys") return dict_view<DictViewObject::Part::kKeys>;
    if (name == "values") return dict_view<DictViewObject::Part::kValues>;
    if (name == "items") return dict_view<DictViewObject::Part::kItems>;
    if (name == "copy") return copy;
  } else if (kind == Kind::kList || kind == Kind::kTuple || kind == Kind::kRange) {
    if (name == "count") return count;
    if (name == "index") return index;
    if (name == "copy" && kind == Kind::kList) return copy;
  }
  return nullptr;
}

}  // namespace pingti::jinja
