#include "jinja/interpreter.h"

#include <fmt/core.h>

#include "jinja/attributes.h"
#include "jinja/globals.h"
#include "jinja/json_text.h"
#include "jinja/macro.h"
#include "jinja/operators.h"

namespace pingti::jinja {
namespace {

constexpr int kMaxNodeNesting = 2000;  // nodes being evaluated within each other: bounds the C++ stack
constexpr int kMaxScopes = 1000;  // within each other; macros made by macros could grow the chain for ever
constexpr size_t kScopeBytes = 96;

}  // namespace

class Interpreter::Deeper {
 public:
  explicit Deeper(Interpreter& interpreter) : interpreter_(interpreter) {
    if (interpreter_.nesting_ >= kMaxNodeNesting) throw_limit("the template recurses too deep");
    ++interpreter_.nesting_;
  }
  ~Deeper() { --interpreter_.nesting_; }
  Deeper(const Deeper&) = delete;
  Deeper& operator=(const Deeper&) = delete;

 private:
  Interpreter& interpreter_;
};

// Sends output to a buffer of its own.
class Interpreter::Capture {
 public:
  explicit Capture(Interpreter& interpreter) : interpreter_(interpreter), outer_(interpreter.output_) {
    interpreter_.output_ = &text_;
  }
  ~Capture() {
    interpreter_.output_bytes_ -= written_ ? written_ : text_.size();
    interpreter_.output_ = outer_;
  }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  std::string take() {
    written_ = text_.size();
    return std::move(text_);
  }

 private:
  Interpreter& interpreter_;
  std::string* outer_;
  std::string text_;
  size_t written_ = 0;
};

Interpreter::Enter::Enter(Interpreter& interpreter, std::shared_ptr<Scope> parent)
    : interpreter_(interpreter), outer_(interpreter.scope_) {
  if (parent->depth >= kMaxScopes) throw_limit("the template's scopes are nested too deep");
  interpreter_.scope_ = std::make_shared<Scope>();
  interpreter_.scope_->depth = parent->depth + 1;
  interpreter_.scope_->parent = std::move(parent);
}

Interpreter::Recursion::Recursion(Interpreter& interpreter) : interpreter_(interpreter) {
  if (interpreter_.recursion_ >= interpreter_.limits_.depth) throw_limit("the template recurses too deep");
  ++interpreter_.recursion_;
}

Interpreter::Interpreter(const Program& program, const Limits& limits, const RenderOptions& options,
                         const nlohmann::ordered_json& variables)
    : program_(program),
      limits_(limits),
      options_(options),
      meter_(limits.steps, limits.memory_bytes),
      globals_(program.names.size()),
      defined_(program.names.size(), false),
      scope_(std::make_shared<Scope>()) {
  define_globals(variables);
}

Interpreter::~Interpreter() {
  for (const Value& value : namespaces_) value.mutable_object<NamespaceObject>()->entries.clear();
  for (const auto& scope : captured_scopes_) scope->variables.clear();
  namespaces_.clear();
  captured_scopes_.clear();
  scope_.reset();
  globals_.clear();
}

void Interpreter::define_globals(const nlohmann::ordered_json& variables) {
  const Maker outside(nullptr);
  for (size_t i = 0; i < globals_.size(); ++i) {
    const std::string& name = program_.names[i];
    if (const auto found = variables.find(name); found != variables.end()) {
      globals_[i] = from_json(*found, outside);
      defined_[i] = true;
    } else {
      defined_[i] = find_global(name, &globals_[i]);
    }
  }
}

std::string Interpreter::render() {
  Capture capture(*this);
  run(program_.body);
  return capture.take();
}

Value Interpreter::evaluate(const Expression& expression) {
  meter_.step();
  Deeper deeper(*this);
  try {
    return expression.evaluate(*this);
  } catch (Failure& failure) {
    if (failure.line == 0) failure.line = expression.line;
    throw;
  }
}

Flow Interpreter::run(const Block& block) {
  Deeper deeper(*this);
  for (const auto& statement : block) {
    try {
      meter_.step();
      const Flow flow = statement->run(*this);
      if (flow != Flow::kNext) return flow;
    } catch (Failure& failure) {
      if (failure.line == 0) failure.line = statement->line;
      throw;
    }
  }
  return Flow::kNext;
}

Arguments Interpreter::arguments(const CallArguments& source) {
  Arguments result;
  result.positional.reserve(source.positional.size());
  for (const auto& node : source.positional) result.positional.push_back(evaluate(*node));
  for (const auto& [name, node] : source.keyword) result.keyword.emplace_back(name, evaluate(*node));
  if (source.more_positional) {
    const Value more = evaluate(*source.more_positional);
    for (Value& item : items_of(more, make_)) result.positional.push_back(std::move(item));
  }
  if (source.more_keyword) {
    const Value more = evaluate(*source.more_keyword);
    if (!more.is(Kind::kDict)) throw_runtime("argument after ** must be a mapping");
    for (const DictEntry& entry : more.dict().entries) {
      if (!entry.key.is_string()) throw_runtime("keywords must be strings");
      meter_.touch_items(result.keyword.size());
      if (result.find(entry.key.text())) {
        throw_runtime(fmt::format("got multiple values for keyword argument '{}'", entry.key.text()));
      }
      result.keyword.emplace_back(entry.key.text(), entry.value);
    }
    meter_.touch_items(more.dict().entries.size());
  }
  return result;
}

Value Interpreter::call(const Value& callee, Arguments arguments) {
  if (callee.is_undefined()) throw_undefined(callee);
  if (callee.is(Kind::kCallable)) return callee.object<Callable>()->call(*this, std::move(arguments));
  if (callee.is(Kind::kObject))
    return callee.mutable_object<AttributeObject>()->call(*this, std::move(arguments));
  throw_runtime(fmt::format("'{}' object is not callable", type_name(callee)));
}

Value Interpreter::lookup(Symbol symbol) {
  for (const Scope* scope = scope_.get(); scope; scope = scope->parent.get()) {
    meter_.touch_items(scope->variables.size() / 4);
    for (const auto& [name, value] : scope->variables) {
      if (name == symbol) return value;
    }
  }
  const auto index = static_cast<size_t>(symbol);
  if (defined_[index]) return globals_[index];
  return Value::undefined(fmt::format("'{}' is undefined", program_.names[index]));
}

void Interpreter::assign(Symbol symbol, Value value) {
  for (auto& [name, present] : scope_->variables) {
    if (name == symbol) {
      present = std::move(value);
      return;
    }
  }
  scope_->variables.emplace_back(symbol, std::move(value));
}

void Interpreter::assign(const Target& target, const Value& value) {
  if (!target.unpacks) {
    target.attribute.empty() ? assign(target.symbol, value) : set_attribute(target, value);
    return;
  }
  if (value.is_undefined())
    throw_runtime(fmt::format("not enough values to unpack (expected {}, got 0)", target.targets.size()));
  const Values items = items_of(value, make_);
  if (items.size() != target.targets.size()) {
    throw_runtime(fmt::format("wrong number of values to unpack (expected {}, got {})", target.targets.size(),
                              items.size()));
  }
  for (size_t i = 0; i < items.size(); ++i) assign(target.targets[i], items[i]);
}

void Interpreter::set_attribute(const Target& target, const Value& value) {
  const Value owner = lookup(target.symbol);
  if (!owner.is(Kind::kNamespace)) throw_runtime("cannot assign attribute on non-namespace object");
  if (target.attribute.starts_with('_')) {
    throw_runtime("chat templates cannot store underscore-prefixed attributes on a namespace");
  }
  auto* space = owner.mutable_object<NamespaceObject>();
  meter_.touch_items(space->entries.size());
  for (DictEntry& entry : space->entries) {
    if (entry.key.text() == target.attribute) {
      entry.value = value;
      return;
    }
  }
  space->entries.push_back({make_.string(target.attribute), value});
}

void Interpreter::write(std::string_view text) {
  if (text.size() > limits_.output_bytes - output_bytes_) throw_limit("the template writes too much");
  meter_.touch_bytes(text.size());
  output_bytes_ += text.size();
  *output_ += text;
}

Value Interpreter::captured(const std::function<void()>& work) {
  Capture capture(*this);
  work();
  return make_.string(capture.take());
}

Value Interpreter::make_namespace(std::vector<DictEntry> entries) {
  auto object = std::make_shared<NamespaceObject>();
  object->charge = Charge(&meter_, kScopeBytes + entries.size() * sizeof(DictEntry));
  object->entries = std::move(entries);
  namespaces_.emplace_back(Kind::kNamespace, std::move(object));
  return namespaces_.back();
}

Value Interpreter::make_macro(const MacroBody& body) {
  if (captured_scopes_.empty() || captured_scopes_.back() != scope_) captured_scopes_.push_back(scope_);
  return Value(Kind::kCallable, std::make_shared<Macro>(body, scope_, Charge(&meter_, 2 * kScopeBytes)));
}

}  // namespace pingti::jinja
