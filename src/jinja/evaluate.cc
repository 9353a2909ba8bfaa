// What each kind of expression is worth.
#include <fmt/core.h>

#include "jinja/ast.h"
#include "jinja/attributes.h"
#include "jinja/filters.h"
#include "jinja/interpreter.h"
#include "jinja/repr.h"
#include "jinja/tests.h"

namespace pingti::jinja {

Value Name::evaluate(Interpreter& interpreter) const { return interpreter.lookup(symbol); }

Value SequenceLiteral::evaluate(Interpreter& interpreter) const {
  Values values;
  values.reserve(items.size());
  for (const auto& item : items) values.push_back(interpreter.evaluate(*item));
  return kind == Kind::kList ? interpreter.make().list(std::move(values))
                             : interpreter.make().tuple(std::move(values));
}

Value DictLiteral::evaluate(Interpreter& interpreter) const {
  std::vector<DictEntry> values;
  values.reserve(entries.size());
  for (const auto& [key, value] : entries) {
    DictEntry entry;
    entry.key = interpreter.evaluate(*key);
    entry.value = interpreter.evaluate(*value);
    values.push_back(std::move(entry));
  }
  return interpreter.make().dict(std::move(values));
}

Value AttributeAccess::evaluate(Interpreter& interpreter) const {
  return get_attribute(interpreter.evaluate(*object), name, interpreter.make());
}

Value ItemAccess::evaluate(Interpreter& interpreter) const {
  const Value owner = interpreter.evaluate(*object);
  return get_item(owner, interpreter.evaluate(*key), interpreter.make());
}

Value SliceAccess::evaluate(Interpreter& interpreter) const {
  const Value owner = interpreter.evaluate(*object);
  auto part = [&](const ExpressionPtr& node) { return node ? interpreter.evaluate(*node) : Value::none(); };
  Slice slice;
  slice.start = part(start);
  slice.stop = part(stop);
  slice.step = part(step);
  return slice_of(owner, slice, interpreter.make());
}

Value Call::evaluate(Interpreter& interpreter) const {
  const Value target = interpreter.evaluate(*callee);
  return interpreter.call(target, interpreter.arguments(arguments));
}

Value FilterCall::evaluate(Interpreter& interpreter) const {
  const Filter filter = find_filter(name);
  if (!filter) throw_runtime(fmt::format("No filter named '{}'.", name));
  const Value value = interpreter.evaluate(*input);
  return filter(interpreter, value, interpreter.arguments(arguments));
}

Value TestCall::evaluate(Interpreter& interpreter) const {
  const Test test = find_test(name);
  if (!test) throw_runtime(fmt::format("No test named '{}'.", name));
  const Value value = interpreter.evaluate(*input);
  return Value::boolean(test(interpreter, value, interpreter.arguments(arguments)) != negated);
}

Value Unary::evaluate(Interpreter& interpreter) const {
  const Value value = interpreter.evaluate(*operand);
  switch (op) {
    case Op::kNot:
      return Value::boolean(!truthy(value));
    case Op::kNegate:
      return negate(value);
    default:
      return unary_plus(value);
  }
}

Value Binary::evaluate(Interpreter& interpreter) const {
  const Value a = interpreter.evaluate(*left);
  const Value b = interpreter.evaluate(*right);
  return binary(op, a, b, interpreter.make());
}

Value Logical::evaluate(Interpreter& interpreter) const {
  const Value value = interpreter.evaluate(*left);
  return truthy(value) == is_and ? interpreter.evaluate(*right) : value;
}

Value Comparison::evaluate(Interpreter& interpreter) const {
  Value left = interpreter.evaluate(*first);
  for (const auto& [op, node] : rest) {
    Value right = interpreter.evaluate(*node);
    if (!compare(op, left, right, interpreter.make())) return Value::boolean(false);
    left = std::move(right);
  }
  return Value::boolean(true);
}

Value Concatenation::evaluate(Interpreter& interpreter) const {
  std::string text;
  for (const auto& part : parts) {
    text += to_text(interpreter.evaluate(*part), interpreter.make());
    interpreter.meter().expect_bytes(text.size());
  }
  return interpreter.make().string(std::move(text));
}

Value Conditional::evaluate(Interpreter& interpreter) const {
  if (truthy(interpreter.evaluate(*condition))) return interpreter.evaluate(*then);
  if (otherwise) return interpreter.evaluate(*otherwise);
  return Value::undefined("the inline if-expression evaluated to false and no else section was defined.");
}

}  // namespace pingti::jinja
