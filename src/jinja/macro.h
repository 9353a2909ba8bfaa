// A macro, or the body of a call block, with the scope it was defined in.
#pragma once

#include <memory>
#include <string>

#include "jinja/ast.h"
#include "jinja/callable.h"
#include "jinja/interpreter.h"

namespace pingti::jinja {

struct Macro : Callable {
  Macro(const MacroBody& body, std::shared_ptr<Scope> closure, Charge charge)
      : body(body), closure(std::move(closure)), charge(std::move(charge)) {}

  Value call(Interpreter& interpreter, Arguments arguments) const override;
  std::string description() const override { return "Macro '" + body.name + "'"; }

  const MacroBody& body;  // the program's
  std::shared_ptr<Scope> closure;
  Charge charge;

 private:
  void bind(Interpreter& interpreter, Arguments& arguments) const;
  void bind_rest(Interpreter& interpreter, Arguments& arguments) const;
};

}  // namespace pingti::jinja
