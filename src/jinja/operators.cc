#include "jinja/operators.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "jinja/format.h"
#include "jinja/text.h"

namespace pingti::jinja {
namespace {

std::string_view symbol(BinaryOp op) {
  static constexpr std::string_view kSymbols[] = {"+", "-", "*", "/", "//", "%", "**"};
  return kSymbols[static_cast<size_t>(op)];
}

[[noreturn]] void throw_operands(BinaryOp op, const Value& left, const Value& right) {
  if (left.is_undefined()) throw_undefined(left);
  if (right.is_undefined()) throw_undefined(right);
  throw_runtime(fmt::format("unsupported operand type(s) for {}: '{}' and '{}'", symbol(op), type_name(left),
                            type_name(right)));
}

[[noreturn]] void throw_overflow() { throw_limit("an integer does not fit 64 bits"); }

Value integer_power(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) throw_runtime("0.0 cannot be raised to a negative power");
    return Value::real(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  int64_t result = 1;
  for (int64_t power = base; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) && __builtin_mul_overflow(result, power, &result)) throw_overflow();
    if (exponent > 1 && __builtin_mul_overflow(power, power, &power)) throw_overflow();
  }
  return Value::integer(result);
}

Value integer_binary(BinaryOp op, int64_t a, int64_t b) {
  int64_t result = 0;
  switch (op) {
    case BinaryOp::kAdd:
      if (__builtin_add_overflow(a, b, &result)) throw_overflow();
      return Value::integer(result);
    case BinaryOp::kSubtract:
      if (__builtin_sub_overflow(a, b, &result)) throw_overflow();
      return Value::integer(result);
    case BinaryOp::kMultiply:
      if (__builtin_mul_overflow(a, b, &result)) throw_overflow();
      return Value::integer(result);
    case BinaryOp::kPower:
      return integer_power(a, b);
    default:
      break;
  }
  if (b == 0) throw_runtime("division by zero");
  if (op == BinaryOp::kDivide) return Value::real(static_cast<double>(a) / static_cast<double>(b));
  if (b == -1) {
    if (op == BinaryOp::kModulo) return Value::integer(0);
    if (a == INT64_MIN) throw_overflow();
    return Value::integer(-a);
  }
  int64_t quotient = a / b, remainder = a % b;
  if (remainder != 0 && (remainder < 0) != (b < 0)) {
    remainder += b;
    --quotient;
  }
  return Value::integer(op == BinaryOp::kModulo ? remainder : quotient);
}

Value float_power(double a, double b) {
  if (a == 0 && b < 0) throw_runtime("0.0 cannot be raised to a negative power");
  if (a < 0 && std::isfinite(a) && std::isfinite(b) && b != std::floor(b)) {
    throw_runtime("complex numbers are not supported");
  }
  const double result = std::pow(a, b);
  if (std::isinf(result) && std::isfinite(a) && std::isfinite(b))
    throw_runtime("numerical result out of range");
  return Value::real(result);
}

Value float_binary(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::kAdd:
      return Value::real(a + b);
    case BinaryOp::kSubtract:
      return Value::real(a - b);
    case BinaryOp::kMultiply:
      return Value::real(a * b);
    case BinaryOp::kPower:
      return float_power(a, b);
    default:
      break;
  }
  if (b == 0) throw_runtime("float division by zero");
  if (op == BinaryOp::kDivide) return Value::real(a / b);
  double remainder = std::fmod(a, b);
  double quotient = (a - remainder) / b;
  if (remainder != 0 && (b < 0) != (remainder < 0)) {
    remainder += b;
    quotient -= 1;
  }
  if (op == BinaryOp::kModulo) return Value::real(remainder == 0 ? std::copysign(0.0, b) : remainder);
  double floored = std::floor(quotient);
  if (quotient - floored > 0.5) floored += 1;
  return Value::real(quotient == 0 ? std::copysign(0.0, a / b) : floored);
}

Value add_strings(const Value& left, const Value& right, const Maker& make) {
  if (!left.is_markup() && !right.is_markup()) {
    make.meter()->expect_bytes(left.text().size() + right.text().size());
    return make.string(left.text() + right.text());
  }
  const std::string a = left.is_markup() ? left.text() : escape_html(left.text());
  const std::string b = right.is_markup() ? right.text() : escape_html(right.text());
  return make.string(a + b, true);
}

Value repeat(const Value& value, int64_t count, const Maker& make) {
  const auto times = static_cast<size_t>(count < 0 ? 0 : count);
  if (value.is_string()) {
    const std::string& text = value.text();
    if (text.empty() || times == 0) return make.string("", value.is_markup());
    if (times > SIZE_MAX / text.size()) throw_limit("the template's values take too much memory");
    make.meter()->expect_bytes(times * text.size());
    std::string result;
    result.reserve(times * text.size());
    for (size_t i = 0; i < times; ++i) result += text;
    return make.string(std::move(result), value.is_markup());
  }
  const Values& items = value.items();
  Values result;
  if (!items.empty() && times > 0) {
    if (times > SIZE_MAX / sizeof(Value) / items.size())
      throw_limit("the template's values take too much memory");
    make.meter()->expect_bytes(times * items.size() * sizeof(Value));
    result.reserve(times * items.size());
    for (size_t i = 0; i < times; ++i) result.insert(result.end(), items.begin(), items.end());
  }
  return value.is(Kind::kList) ? make.list(std::move(result)) : make.tuple(std::move(result));
}

Value join_sequences(const Value& left, const Value& right, const Maker& make) {
  Values items = left.items();
  items.insert(items.end(), right.items().begin(), right.items().end());
  return left.is(Kind::kList) ? make.list(std::move(items)) : make.tuple(std::move(items));
}

int sign(double difference) { return difference < 0 ? -1 : difference > 0 ? 1 : 0; }

int order_numbers(const Value& left, const Value& right) {
  if (left.is_integral() && right.is_integral()) {
    return left.as_int() < right.as_int() ? -1 : left.as_int() > right.as_int();
  }
  return left.as_double() < right.as_double() ? -1 : left.as_double() > right.as_double();
}

bool unordered(const Value& left, const Value& right) {
  return left.is_number() && right.is_number() &&
         (std::isnan(left.as_double()) || std::isnan(right.as_double()));
}

bool equal_dicts(const DictObject& left, const DictObject& right) {
  if (left.entries.size() != right.entries.size()) return false;
  for (const DictEntry& entry : left.entries) {
    const Value* other = right.find(entry.key);
    if (!other || !equal(entry.value, *other)) return false;
  }
  return true;
}

bool equal_items(const Values& left, const Values& right) {
  if (left.size() != right.size()) return false;
  for (size_t i = 0; i < left.size(); ++i) {
    if (!equal(left[i], right[i])) return false;
  }
  return true;
}

// What comparing two values can cost.
int64_t common_weight(const Value& left, const Value& right) {
  return std::min(extent_of(left).weight, extent_of(right).weight);
}

}  // namespace

size_t hash_text(std::string_view text) { return std::hash<std::string_view>{}(text); }

size_t hash_of(const Value& value) {
  switch (value.kind()) {
    case Kind::kString:
      return hash_text(value.text());
    case Kind::kBool:
    case Kind::kInt:
      return std::hash<double>{}(static_cast<double>(value.as_int()));
    case Kind::kFloat:
      return std::hash<double>{}(value.as_double());
    case Kind::kTuple: {
      size_t hash = 17;
      for (const Value& item : value.items()) hash = hash * 1000003 + hash_of(item);
      return hash;
    }
    case Kind::kList:
    case Kind::kDict:
    case Kind::kDictView:
      throw_runtime(fmt::format("unhashable type: '{}'", type_name(value)));
    case Kind::kUndefined:
      return 3;
    case Kind::kNone:
      return 5;
    default:
      return std::hash<const void*>{}(value.identity());
  }
}

bool equal(const Value& left, const Value& right) {
  if (left.is_number() && right.is_number())
    return !unordered(left, right) && order_numbers(left, right) == 0;
  if (left.kind() != right.kind()) return false;
  switch (left.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return true;
    case Kind::kString:
      return left.text() == right.text();
    case Kind::kList:
    case Kind::kTuple:
      return left.identity() == right.identity() || equal_items(left.items(), right.items());
    case Kind::kDict:
      return left.identity() == right.identity() || equal_dicts(left.dict(), right.dict());
    case Kind::kRange: {
      const auto &a = *left.object<RangeObject>(), &b = *right.object<RangeObject>();
      if (a.size() != b.size()) return false;
      return a.size() == 0 || (a.start == b.start && (a.size() == 1 || a.step == b.step));
    }
    default:
      return left.identity() == right.identity();
  }
}

int order(const Value& left, const Value& right, const Maker& make) {
  if (left.is_number() && right.is_number()) return order_numbers(left, right);
  if (left.is_string() && right.is_string()) {
    make.meter()->touch_bytes(std::min(left.text().size(), right.text().size()));
    return sign(static_cast<double>(left.text().compare(right.text())));
  }
  if (left.is_sequence() && left.kind() == right.kind()) {
    const Values &a = left.items(), &b = right.items();
    for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
      make.meter()->step(common_weight(a[i], b[i]));
      if (!equal(a[i], b[i])) return order(a[i], b[i], make);
    }
    return a.size() < b.size() ? -1 : a.size() > b.size();
  }
  if (left.is_undefined()) throw_undefined(left);
  if (right.is_undefined()) throw_undefined(right);
  throw_runtime(
      fmt::format("no order between instances of '{}' and '{}'", type_name(left), type_name(right)));
}

bool compare(CompareOp op, const Value& left, const Value& right, const Maker& make) {
  make.meter()->touch_items(static_cast<size_t>(common_weight(left, right)));
  switch (op) {
    case CompareOp::kEqual:
      return equal(left, right);
    case CompareOp::kNotEqual:
      return !equal(left, right);
    case CompareOp::kIn:
      return contains(right, left, make);
    case CompareOp::kNotIn:
      return !contains(right, left, make);
    default:
      break;
  }
  if (unordered(left, right)) return false;
  const int result = order(left, right, make);
  switch (op) {
    case CompareOp::kLess:
      return result < 0;
    case CompareOp::kLessEqual:
      return result <= 0;
    case CompareOp::kGreater:
      return result > 0;
    default:
      return result >= 0;
  }
}

bool contains(const Value& container, const Value& item, const Maker& make) {
  switch (container.kind()) {
    case Kind::kString:
      if (item.is_undefined()) throw_runtime("'in <string>' requires a string, not undefined");
      if (!item.is_string()) {
        throw_runtime(fmt::format("'in <string>' requires string as left operand, not {}", type_name(item)));
      }
      make.meter()->touch_bytes(container.text().size());
      return container.text().find(item.text()) != std::string::npos;
    case Kind::kDict:
      make.meter()->touch_items(static_cast<size_t>(extent_of(item).weight));
      hash_of(item);
      return container.dict().find(item) != nullptr;
    case Kind::kDictView: {
      const auto& view = *container.object<DictViewObject>();
      if (view.part == DictViewObject::Part::kKeys) return contains(view.dict, item, make);
      break;
    }
    case Kind::kIterator: {
      auto* iterator = container.mutable_object<IteratorObject>();
      while (iterator->next < iterator->items.size()) {
        const Value& candidate = iterator->items[iterator->next++];
        make.meter()->step(common_weight(candidate, item));
        if (equal(candidate, item)) return true;
      }
      return false;
    }
    case Kind::kList:
    case Kind::kTuple: {
      make.meter()->touch_items(container.items().size());
      for (const Value& candidate : container.items()) {
        make.meter()->touch_items(static_cast<size_t>(common_weight(candidate, item)));
        if (equal(candidate, item)) return true;
      }
      return false;
    }
    default:
      break;
  }
  if (!is_iterable(container)) {
    throw_runtime(fmt::format("argument of type '{}' is not iterable", type_name(container)));
  }
  for (const Value& candidate : items_of(container, make)) {
    make.meter()->step(common_weight(candidate, item));
    if (equal(candidate, item)) return true;
  }
  return false;
}

Value binary(BinaryOp op, const Value& left, const Value& right, const Maker& make) {
  if (left.is_integral() && right.is_integral()) return integer_binary(op, left.as_int(), right.as_int());
  if (left.is_number() && right.is_number()) return float_binary(op, left.as_double(), right.as_double());
  if (op == BinaryOp::kAdd) {
    if (left.is_string() && right.is_string()) return add_strings(left, right, make);
    if (left.is_sequence() && left.kind() == right.kind()) return join_sequences(left, right, make);
  } else if (op == BinaryOp::kMultiply) {
    if ((left.is_string() || left.is_sequence()) && right.is_integral())
      return repeat(left, right.as_int(), make);
    if ((right.is_string() || right.is_sequence()) && left.is_integral())
      return repeat(right, left.as_int(), make);
  } else if (op == BinaryOp::kModulo && left.is_string()) {
    return make.string(format_percent(left.text(), right, make), left.is_markup());
  }
  throw_operands(op, left, right);
}

Value negate(const Value& value) {
  if (value.is_integral()) {
    if (value.as_int() == INT64_MIN) throw_overflow();
    return Value::integer(-value.as_int());
  }
  if (value.is(Kind::kFloat)) return Value::real(-value.as_double());
  if (value.is_undefined()) throw_undefined(value);
  throw_runtime(fmt::format("bad operand type for unary -: '{}'", type_name(value)));
}

Value unary_plus(const Value& value) {
  if (value.is_integral()) return Value::integer(value.as_int());
  if (value.is(Kind::kFloat)) return value;
  if (value.is_undefined()) throw_undefined(value);
  throw_runtime(fmt::format("bad operand type for unary +: '{}'", type_name(value)));
}

}  // namespace pingti::jinja
