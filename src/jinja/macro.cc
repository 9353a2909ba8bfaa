#include "jinja/macro.h"

#include <fmt/core.h>

#include <algorithm>

namespace pingti::jinja {
namespace {

// Removes the keyword argument and returns it; false: it was not given.
bool pop(Arguments& arguments, std::string_view name, Value* value) {
  auto& all = arguments.keyword;
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& pair) { return pair.first == name; });
  if (found == all.end()) return false;
  *value = std::move(found->second);
  all.erase(found);
  return true;
}

}  // namespace

Value Macro::call(Interpreter& interpreter, Arguments arguments) const {
  Interpreter::Recursion recursion(interpreter);
  Interpreter::Enter scope(interpreter, closure);
  bind(interpreter, arguments);
  return interpreter.run_captured(body.body);
}

void Macro::bind(Interpreter& interpreter, Arguments& arguments) const {
  const size_t count = body.parameters.size();
  interpreter.meter().touch_items(count * (1 + arguments.keyword.size()));
  for (size_t i = 0; i < count; ++i) {
    const MacroBody::Parameter& parameter = body.parameters[i];
    Value value;
    if (i < arguments.positional.size()) {
      value = arguments.positional[i];
    } else if (!pop(arguments, parameter.name, &value)) {
      value = parameter.otherwise
                  ? interpreter.evaluate(*parameter.otherwise)
                  : Value::undefined(fmt::format("parameter '{}' was not provided", parameter.name));
    }
    interpreter.assign(parameter.symbol, std::move(value));
  }
  bind_rest(interpreter, arguments);
}

void Macro::bind_rest(Interpreter& interpreter, Arguments& arguments) const {
  const Program& program = interpreter.program();
  if (body.uses_caller && !body.takes_caller) {
    Value caller;
    if (!pop(arguments, "caller", &caller)) caller = Value::undefined("No caller defined");
    interpreter.assign(program.caller, std::move(caller));
  }
  if (body.uses_kwargs) {
    std::vector<DictEntry> entries;
    for (auto& [name, value] : arguments.keyword) entries.push_back({interpreter.make().string(name), value});
    interpreter.assign(program.kwargs, interpreter.make().dict(std::move(entries)));
  } else if (!arguments.keyword.empty()) {
    throw_runtime(
        fmt::format("macro '{}' takes no keyword argument '{}'", body.name, arguments.keyword.front().first));
  }
  const size_t count = body.parameters.size();
  if (body.uses_varargs) {
    Values rest;
    for (size_t i = count; i < arguments.positional.size(); ++i) rest.push_back(arguments.positional[i]);
    interpreter.assign(program.varargs, interpreter.make().tuple(std::move(rest)));
  } else if (arguments.positional.size() > count) {
    throw_runtime(fmt::format("macro '{}' takes not more than {} argument(s)", body.name, count));
  }
}

}  // namespace pingti::jinja
