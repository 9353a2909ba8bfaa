// A Python value as templates see it. Values are cheap to copy: small ones are held in place, the others
// share an immutable object. Only Namespace, Iterator, Cycler and Joiner objects change once made.
//
// Objects made while rendering are charged to the rendering's Meter and must not outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "jinja/meter.h"

namespace pingti::jinja {

enum class Kind : uint8_t {
  kUndefined,
  kNone,
  kBool,
  kInt,
  kFloat,
  kString,
  kList,
  kTuple,
  kDict,
  kDictView,
  kRange,
  kIterator,
  kNamespace,
  kCallable,  // functions, macros, bound methods, joiners: whatever may be called
  kObject,    // loop, cycler: attributes only
};

inline constexpr int kMaxNesting = 200;                  // of containers in containers
inline constexpr int64_t kMaxWeight = int64_t{1} << 24;  // of one value

// How deep a container goes and what walking all of it costs; a part that is shared counts each time.
struct Extent {
  int nesting = 0;
  int64_t weight = 1;
};

struct Object {
  virtual ~Object() = default;
};

class Value;
using Values = std::vector<Value>;

struct StringObject;
struct ListObject;
struct DictObject;

class Value {
 public:
  Value() = default;  // Undefined without a reason
  static Value none() { return Value(Kind::kNone); }
  static Value boolean(bool b);
  static Value integer(int64_t i);
  static Value real(double d);
  static Value undefined(std::string hint);
  Value(Kind kind, std::shared_ptr<const Object> object) : kind_(kind), object_(std::move(object)) {}

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_undefined() const { return kind_ == Kind::kUndefined; }
  bool is_none() const { return kind_ == Kind::kNone; }
  bool is_string() const { return kind_ == Kind::kString; }
  bool is_integral() const { return kind_ == Kind::kInt || kind_ == Kind::kBool; }  // Python's int
  bool is_number() const { return is_integral() || kind_ == Kind::kFloat; }
  bool is_sequence() const { return kind_ == Kind::kList || kind_ == Kind::kTuple; }

  bool as_bool() const { return number_.integer != 0; }  // kBool
  int64_t as_int() const { return number_.integer; }     // kInt, kBool
  double as_double() const {                             // any number
    return kind_ == Kind::kFloat ? number_.real : static_cast<double>(number_.integer);
  }
  const std::string& text() const;            // kString
  bool is_markup() const;                     // kString that `safe` or `escape` marked
  const Values& items() const;                // kList, kTuple
  const DictObject& dict() const;             // kDict
  const std::string& undefined_hint() const;  // kUndefined

  template <class T>
  const T* object() const {
    return static_cast<const T*>(object_.get());
  }
  // For the kinds that change: Namespace, Iterator and the like. Constant values are never of these kinds.
  template <class T>
  T* mutable_object() const {
    return const_cast<T*>(static_cast<const T*>(object_.get()));
  }
  const std::shared_ptr<const Object>& shared() const { return object_; }
  const void* identity() const { return object_.get(); }

 private:
  explicit Value(Kind kind) : kind_(kind) {}

  Kind kind_ = Kind::kUndefined;
  union {
    int64_t integer = 0;
    double real;
  } number_;
  std::shared_ptr<const Object> object_;
};

struct StringObject : Object {
  std::string text;
  bool markup = false;
  Charge charge;
};

struct UndefinedObject : Object {
  std::string hint;
};

struct ListObject : Object {
  Values items;
  bool group = false;  // a tuple made by groupby: has .grouper and .list
  Extent extent;
  Charge charge;
};

struct DictEntry {
  Value key;
  Value value;
};

// Insertion-ordered; keys are hashable values.
struct DictObject : Object {
  std::vector<DictEntry> entries;
  std::unordered_multimap<size_t, uint32_t> index;  // by hash of the key; empty while there are few entries
  Extent extent;
  Charge charge;

  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
};

struct DictViewObject : Object {
  enum class Part { kKeys, kValues, kItems };
  Value dict;
  Part part = Part::kKeys;
};

struct RangeObject : Object {
  int64_t start = 0, stop = 0, step = 1;
  int64_t size() const;
};

// Python's generators and reverse iterators: one pass, no length, always true.
struct IteratorObject : Object {
  Values items;
  size_t next = 0;
  std::string type_name = "generator";
  Extent extent;
  Charge charge;
};

struct NamespaceObject : Object {
  std::vector<DictEntry> entries;  // keys are strings
  Charge charge;
  const Value* find(std::string_view name) const;
};

// Makes values and charges them to one rendering; with a null meter, makes the constants of a program.
class Maker {
 public:
  explicit Maker(Meter* meter) : meter_(meter) {}
  Meter* meter() const { return meter_; }

  Value string(std::string text, bool markup = false) const;
  Value list(Values items) const { return sequence(Kind::kList, std::move(items)); }
  Value tuple(Values items) const { return sequence(Kind::kTuple, std::move(items)); }
  Value group(Value key, Values items) const;  // a groupby pair
  // Later entries replace the values of earlier ones with an equal key. Fails on an unhashable key.
  Value dict(std::vector<DictEntry> entries) const;
  Value iterator(Values items, std::string type_name = "generator") const;
  Value range(int64_t start, int64_t stop, int64_t step) const;
  Value dict_view(Value dict, DictViewObject::Part part) const;

 private:
  Value sequence(Kind kind, Values items) const;
  Meter* meter_;
};

bool truthy(const Value& value);
std::string_view type_name(const Value& value);  // Python's: "str", "NoneType", ...
Extent extent_of(const Value& value);
[[noreturn]] void throw_undefined(const Value& value);

}  // namespace pingti::jinja
