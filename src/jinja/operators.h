// Python's operators over Values: arithmetic, comparison, membership, subscripts, iteration. What Python
// answers with an exception is a runtime failure.
#pragma once

#include <string_view>

#include "jinja/value.h"

namespace pingti::jinja {

enum class BinaryOp { kAdd, kSubtract, kMultiply, kDivide, kFloorDivide, kModulo, kPower };
enum class CompareOp { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kIn, kNotIn };

Value binary(BinaryOp op, const Value& left, const Value& right, const Maker& make);
Value negate(const Value& value);
Value unary_plus(const Value& value);
bool compare(CompareOp op, const Value& left, const Value& right, const Maker& make);

bool equal(const Value& left, const Value& right);
int order(const Value& left, const Value& right,
          const Maker& make);  // negative, 0, positive; NaN counts as 0
bool contains(const Value& container, const Value& item, const Maker& make);
size_t hash_of(const Value& value);  // fails on unhashable values
size_t hash_text(std::string_view text);

// The items of anything iterable; a dict gives its keys, a string its characters, an iterator runs out.
Values items_of(const Value& value, const Maker& make);
bool is_iterable(const Value& value);
int64_t length_of(const Value& value);  // fails where Python's len() does
bool has_length(const Value& value);

// value[key] where it exists, without falling back to attributes; fails only where jinja2's does.
bool find_item(const Value& container, const Value& key, const Maker& make, Value* found);
struct Slice {
  Value start, stop, step;  // None where left out
};
Value slice_of(const Value& container, const Slice& slice, const Maker& make);

// Python's int(): a number or text in the given base. False: ValueError or TypeError.
bool parse_int(std::string_view text, int base, int64_t* result);
bool parse_float(std::string_view text, double* result);
Value int_from_double(double d);

}  // namespace pingti::jinja
