// One rendering of a Program: its variables, its output, and what it has used of its limits. One thread;
// short-lived.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "jinja/ast.h"
#include "jinja/callable.h"
#include "jinja/meter.h"
#include "jinja/template.h"
#include "jinja/value.h"

namespace pingti::jinja {

// The names a block assigns; looked up through its parents. Shared with the macros defined in it.
struct Scope {
  std::shared_ptr<Scope> parent;
  int depth = 0;
  std::vector<std::pair<Symbol, Value>> variables;
};

class Interpreter {
 public:
  Interpreter(const Program& program, const Limits& limits, const RenderOptions& options,
              const nlohmann::ordered_json& variables);
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  std::string render();

  const Maker& make() const { return make_; }
  Meter& meter() { return meter_; }
  const Program& program() const { return program_; }
  const Limits& limits() const { return limits_; }
  const RenderOptions& options() const { return options_; }

  Value evaluate(const Expression& expression);
  Flow run(const Block& block);
  Arguments arguments(const CallArguments& arguments);
  Value call(const Value& callee, Arguments arguments);

  Value lookup(Symbol symbol);
  void assign(Symbol symbol, Value value);  // in the innermost scope
  void assign(const Target& target, const Value& value);
  const std::shared_ptr<Scope>& scope() const { return scope_; }

  void write(std::string_view text);
  Value captured(const std::function<void()>& work);  // the text `work` writes
  Value run_captured(const Block& block) {
    return captured([&] { run(block); });
  }

  Value make_namespace(std::vector<DictEntry> entries);
  Value make_macro(const MacroBody& body);

  // A scope for as long as this object lives, inside `parent`.
  class Enter {
   public:
    Enter(Interpreter& interpreter, std::shared_ptr<Scope> parent);
    ~Enter() { interpreter_.scope_ = std::move(outer_); }
    Enter(const Enter&) = delete;
    Enter& operator=(const Enter&) = delete;

   private:
    Interpreter& interpreter_;
    std::shared_ptr<Scope> outer_;
  };

  // Counts macro calls and recursive loops in each other.
  class Recursion {
   public:
    explicit Recursion(Interpreter& interpreter);
    ~Recursion() { --interpreter_.recursion_; }
    Recursion(const Recursion&) = delete;
    Recursion& operator=(const Recursion&) = delete;

   private:
    Interpreter& interpreter_;
  };

 private:
  class Deeper;
  class Capture;

  void define_globals(const nlohmann::ordered_json& variables);
  void set_attribute(const Target& target, const Value& value);

  const Program& program_;
  const Limits& limits_;
  const RenderOptions& options_;
  Meter meter_;
  Maker make_{&meter_};
  std::vector<Value> globals_;  // by symbol; Undefined with a null hint: not there
  std::vector<bool> defined_;   // by symbol
  std::shared_ptr<Scope> scope_;
  std::string* output_ = nullptr;
  size_t output_bytes_ = 0;  // in all buffers now being written
  int recursion_ = 0;
  int nesting_ = 0;
  // Only these can make cycles of owners; emptied at the end.
  std::vector<Value> namespaces_;
  std::vector<std::shared_ptr<Scope>> captured_scopes_;
};

}  // namespace pingti::jinja
