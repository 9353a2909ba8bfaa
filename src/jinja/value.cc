#include "jinja/value.h"

#include <algorithm>

#include "jinja/operators.h"

namespace pingti::jinja {
namespace {

constexpr size_t kObjectBytes = 96;  // of any object, its control block and allocator overhead
constexpr size_t kFewEntries = 8;    // a dict this small is searched in order

// Of a container holding what was added.
class ExtentSum {
 public:
  void add(const Value& value) {
    const Extent extent = extent_of(value);
    sum_.nesting = std::max(sum_.nesting, extent.nesting);
    sum_.weight += extent.weight;
    if (sum_.nesting >= kMaxNesting) throw_limit("values are nested too deep");
    if (sum_.weight > kMaxWeight) throw_limit("a value holds too many others");
  }
  Extent above() const { return {sum_.nesting + 1, sum_.weight}; }

 private:
  Extent sum_;
};

Extent extent_above(const Values& items) {
  ExtentSum sum;
  for (const Value& item : items) sum.add(item);
  return sum.above();
}

}  // namespace

Value Value::boolean(bool b) {
  Value value(Kind::kBool);
  value.number_.integer = b;
  return value;
}

Value Value::integer(int64_t i) {
  Value value(Kind::kInt);
  value.number_.integer = i;
  return value;
}

Value Value::real(double d) {
  Value value(Kind::kFloat);
  value.number_.real = d;
  return value;
}

Value Value::undefined(std::string hint) {
  auto object = std::make_shared<UndefinedObject>();
  object->hint = std::move(hint);
  return Value(Kind::kUndefined, std::move(object));
}

const std::string& Value::text() const { return object<StringObject>()->text; }
bool Value::is_markup() const { return kind_ == Kind::kString && object<StringObject>()->markup; }
const Values& Value::items() const { return object<ListObject>()->items; }
const DictObject& Value::dict() const { return *object<DictObject>(); }

const std::string& Value::undefined_hint() const {
  static const std::string kNoHint = "the value is undefined";
  return object_ ? object<UndefinedObject>()->hint : kNoHint;
}

const Value* DictObject::find(const Value& key) const {
  if (entries.size() <= kFewEntries) {
    for (const DictEntry& entry : entries) {
      if (equal(entry.key, key)) return &entry.value;
    }
    return nullptr;
  }
  auto [first, last] = index.equal_range(hash_of(key));
  for (; first != last; ++first) {
    if (equal(entries[first->second].key, key)) return &entries[first->second].value;
  }
  return nullptr;
}

const Value* DictObject::find(std::string_view key) const {
  if (entries.size() <= kFewEntries) {
    for (const DictEntry& entry : entries) {
      if (entry.key.is_string() && entry.key.text() == key) return &entry.value;
    }
    return nullptr;
  }
  auto [first, last] = index.equal_range(hash_text(key));
  for (; first != last; ++first) {
    const Value& candidate = entries[first->second].key;
    if (candidate.is_string() && candidate.text() == key) return &entries[first->second].value;
  }
  return nullptr;
}

int64_t RangeObject::size() const {
  if (step > 0 ? stop <= start : stop >= start) return 0;
  const auto a = static_cast<uint64_t>(start), b = static_cast<uint64_t>(stop);
  const uint64_t span = step > 0 ? b - a : a - b;
  const uint64_t stride = step > 0 ? static_cast<uint64_t>(step) : 0 - static_cast<uint64_t>(step);
  const uint64_t count = (span - 1) / stride + 1;
  return count > INT64_MAX ? INT64_MAX : static_cast<int64_t>(count);
}

const Value* NamespaceObject::find(std::string_view name) const {
  for (const DictEntry& entry : entries) {
    if (entry.key.text() == name) return &entry.value;
  }
  return nullptr;
}

Value Maker::string(std::string text, bool markup) const {
  auto object = std::make_shared<StringObject>();
  object->text = std::move(text);
  object->markup = markup;
  if (meter_) {
    object->charge = Charge(meter_, kObjectBytes + object->text.size());
    meter_->touch_bytes(object->text.size());
  }
  return Value(Kind::kString, std::move(object));
}

Value Maker::sequence(Kind kind, Values items) const {
  auto object = std::make_shared<ListObject>();
  object->items = std::move(items);
  object->extent = extent_above(object->items);
  if (meter_) {
    object->charge = Charge(meter_, kObjectBytes + object->items.size() * sizeof(Value));
    meter_->touch_items(object->items.size());
  }
  return Value(kind, std::move(object));
}

Value Maker::group(Value key, Values items) const {
  Value pair = tuple({std::move(key), list(std::move(items))});
  pair.mutable_object<ListObject>()->group = true;
  return pair;
}

Value Maker::dict(std::vector<DictEntry> entries) const {
  auto object = std::make_shared<DictObject>();
  object->entries.reserve(entries.size());
  std::unordered_multimap<size_t, uint32_t> seen;
  ExtentSum sum;
  for (DictEntry& entry : entries) {
    const size_t hash = hash_of(entry.key);
    Value* earlier = nullptr;
    auto [first, last] = seen.equal_range(hash);
    for (; first != last && !earlier; ++first) {
      DictEntry& candidate = object->entries[first->second];
      if (equal(candidate.key, entry.key)) earlier = &candidate.value;
    }
    sum.add(entry.key);
    sum.add(entry.value);
    if (earlier) {
      *earlier = std::move(entry.value);
      continue;
    }
    seen.emplace(hash, static_cast<uint32_t>(object->entries.size()));
    object->entries.push_back(std::move(entry));
  }
  object->extent = sum.above();
  if (object->entries.size() > kFewEntries) object->index = std::move(seen);
  if (meter_) {
    object->charge = Charge(meter_, kObjectBytes + object->entries.size() * (sizeof(DictEntry) + 48));
    meter_->touch_items(object->entries.size());
  }
  return Value(Kind::kDict, std::move(object));
}

Value Maker::iterator(Values items, std::string type_name) const {
  auto object = std::make_shared<IteratorObject>();
  object->items = std::move(items);
  object->type_name = std::move(type_name);
  object->extent = extent_above(object->items);
  if (meter_) {
    object->charge = Charge(meter_, kObjectBytes + object->items.size() * sizeof(Value));
    meter_->touch_items(object->items.size());
  }
  return Value(Kind::kIterator, std::move(object));
}

Value Maker::range(int64_t start, int64_t stop, int64_t step) const {
  auto object = std::make_shared<RangeObject>();
  object->start = start;
  object->stop = stop;
  object->step = step;
  return Value(Kind::kRange, std::move(object));
}

Value Maker::dict_view(Value dict, DictViewObject::Part part) const {
  auto object = std::make_shared<DictViewObject>();
  object->dict = std::move(dict);
  object->part = part;
  return Value(Kind::kDictView, std::move(object));
}

bool truthy(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return false;
    case Kind::kBool:
    case Kind::kInt:
      return value.as_int() != 0;
    case Kind::kFloat:
      return value.as_double() != 0;
    case Kind::kString:
      return !value.text().empty();
    case Kind::kList:
    case Kind::kTuple:
      return !value.items().empty();
    case Kind::kDict:
      return !value.dict().entries.empty();
    case Kind::kDictView:
      return truthy(value.object<DictViewObject>()->dict);
    case Kind::kRange:
      return value.object<RangeObject>()->size() != 0;
    default:
      return true;
  }
}

std::string_view type_name(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kNone:
      return "NoneType";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kString:
      return "str";
    case Kind::kList:
      return "list";
    case Kind::kTuple:
      return "tuple";
    case Kind::kDict:
      return "dict";
    case Kind::kDictView:
      return "dict view";
    case Kind::kRange:
      return "range";
    case Kind::kIterator:
      return "generator";
    case Kind::kNamespace:
      return "Namespace";
    case Kind::kCallable:
      return "function";
    case Kind::kObject:
      return "object";
  }
  return "object";
}

Extent extent_of(const Value& value) {
  switch (value.kind()) {
    case Kind::kString:
      return {0, 1 + static_cast<int64_t>(value.text().size() / 256)};
    case Kind::kList:
    case Kind::kTuple:
      return value.object<ListObject>()->extent;
    case Kind::kDict:
      return value.object<DictObject>()->extent;
    case Kind::kDictView:
      return extent_of(value.object<DictViewObject>()->dict);
    case Kind::kIterator:
      return value.object<IteratorObject>()->extent;
    default:
      return {};
  }
}

void throw_undefined(const Value& value) { throw_runtime(value.undefined_hint()); }

}  // namespace pingti::jinja
