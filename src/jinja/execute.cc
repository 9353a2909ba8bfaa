// What each kind of statement does; loops are in loop.cc.
#include "jinja/ast.h"
#include "jinja/filters.h"
#include "jinja/interpreter.h"
#include "jinja/repr.h"

namespace pingti::jinja {
namespace {

// A filter chain with no input of its own, applied to a block's text.
Value apply_filters(Interpreter& interpreter, const Expression& node, const Value& text) {
  const auto& call = static_cast<const FilterCall&>(node);
  const Value input = call.input ? apply_filters(interpreter, *call.input, text) : text;
  interpreter.meter().step();
  return apply_filter(interpreter, call.name, input, interpreter.arguments(call.arguments));
}

}  // namespace

Flow Data::run(Interpreter& interpreter) const {
  interpreter.write(text);
  return Flow::kNext;
}

Flow Print::run(Interpreter& interpreter) const {
  const Value result = interpreter.evaluate(*value);
  if (result.is_string()) {
    interpreter.write(result.text());
  } else {
    interpreter.write(to_text(result, interpreter.make()));
  }
  return Flow::kNext;
}

Flow If::run(Interpreter& interpreter) const {
  for (const auto& [condition, body] : branches) {
    if (truthy(interpreter.evaluate(*condition))) return interpreter.run(body);
  }
  return interpreter.run(otherwise);
}

Flow Set::run(Interpreter& interpreter) const {
  interpreter.assign(target, interpreter.evaluate(*value));
  return Flow::kNext;
}

Flow SetBlock::run(Interpreter& interpreter) const {
  Value text;
  {
    Interpreter::Enter scope(interpreter, interpreter.scope());
    text = interpreter.run_captured(body);
    if (filter) text = apply_filters(interpreter, *filter, text);
  }
  interpreter.assign(target, text);
  return Flow::kNext;
}

Flow With::run(Interpreter& interpreter) const {
  Values values;
  for (const auto& [name, node] : bindings) values.push_back(interpreter.evaluate(*node));
  Interpreter::Enter scope(interpreter, interpreter.scope());
  for (size_t i = 0; i < values.size(); ++i) interpreter.assign(bindings[i].first, values[i]);
  return interpreter.run(body);
}

Flow FilterBlock::run(Interpreter& interpreter) const {
  Interpreter::Enter scope(interpreter, interpreter.scope());
  const Value text = interpreter.run_captured(body);
  interpreter.write(to_text(apply_filters(interpreter, *filter, text), interpreter.make()));
  return Flow::kNext;
}

Flow Scoped::run(Interpreter& interpreter) const {
  Interpreter::Enter scope(interpreter, interpreter.scope());
  return interpreter.run(body);
}

Flow MacroDefinition::run(Interpreter& interpreter) const {
  interpreter.assign(symbol, interpreter.make_macro(macro));
  return Flow::kNext;
}

Flow CallBlock::run(Interpreter& interpreter) const {
  const Value callee = interpreter.evaluate(*call->callee);
  Arguments arguments = interpreter.arguments(call->arguments);
  arguments.keyword.emplace_back("caller", interpreter.make_macro(caller));
  interpreter.write(to_text(interpreter.call(callee, std::move(arguments)), interpreter.make()));
  return Flow::kNext;
}

}  // namespace pingti::jinja
