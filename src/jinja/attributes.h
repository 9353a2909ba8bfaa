// value.name and value[key] as jinja2's sandbox resolves them, and the methods of Python's types.
#pragma once

#include <string_view>

#include "jinja/callable.h"
#include "jinja/value.h"

namespace pingti::jinja {

Value get_attribute(const Value& value, std::string_view name, const Maker& make);  // attribute, then item
Value get_item(const Value& value, const Value& key, const Maker& make);            // item, then attribute
// Attribute only, as the `attr` filter. False: there is none.
bool find_attribute(const Value& value, std::string_view name, const Maker& make, Value* found);

// An object whose attributes are computed: loop, cycler.
struct AttributeObject : Object {
  virtual bool find(std::string_view name, const Maker& make, Value* found) = 0;
  virtual Value call(Interpreter&, const Arguments&) { throw_runtime("the object is not callable"); }
};

using Method = Value (*)(const Value& self, const Arguments& arguments, Interpreter& interpreter);
Method find_string_method(std::string_view name);
Method find_container_method(Kind kind, std::string_view name);

// Shared by methods, filters and tests.
std::string replace_within(std::string_view text, std::string_view from, std::string_view to, int64_t limit,
                           const Maker& make);  // within the memory limit
bool all_lower(std::string_view text);          // str.islower
bool all_upper(std::string_view text);          // str.isupper

}  // namespace pingti::jinja
