// A parsed template. Immutable once built; every node knows its source line.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jinja/operators.h"
#include "jinja/value.h"

namespace pingti::jinja {

class Interpreter;

// How deep an expression's tree may go; deeper ones are refused at parse.
inline constexpr int kMaxHeight = 400;

struct Expression {
  virtual ~Expression() = default;
  virtual Value evaluate(Interpreter& interpreter) const = 0;
  int line = 0;
  int height = 1;
};
using ExpressionPtr = std::unique_ptr<const Expression>;

enum class Flow { kNext, kBreak, kContinue };

struct Statement {
  virtual ~Statement() = default;
  virtual Flow run(Interpreter& interpreter) const = 0;
  int line = 0;
};
using Block = std::vector<std::unique_ptr<const Statement>>;

// A name of the template, as its index in Program::names.
using Symbol = int;

struct Constant : Expression {
  Value value;
  Value evaluate(Interpreter&) const override { return value; }
};

struct Name : Expression {
  Symbol symbol = 0;
  Value evaluate(Interpreter& interpreter) const override;
};

struct SequenceLiteral : Expression {
  Kind kind = Kind::kList;  // or kTuple
  std::vector<ExpressionPtr> items;
  Value evaluate(Interpreter& interpreter) const override;
};

struct DictLiteral : Expression {
  std::vector<std::pair<ExpressionPtr, ExpressionPtr>> entries;
  Value evaluate(Interpreter& interpreter) const override;
};

struct AttributeAccess : Expression {
  ExpressionPtr object;
  std::string name;
  Value evaluate(Interpreter& interpreter) const override;
};

struct ItemAccess : Expression {
  ExpressionPtr object, key;
  Value evaluate(Interpreter& interpreter) const override;
};

struct SliceAccess : Expression {
  ExpressionPtr object, start, stop, step;  // null where left out
  Value evaluate(Interpreter& interpreter) const override;
};

struct CallArguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> keyword;
  ExpressionPtr more_positional, more_keyword;  // *args, **kwargs; may be null
};

struct Call : Expression {
  ExpressionPtr callee;
  CallArguments arguments;
  Value evaluate(Interpreter& interpreter) const override;
};

struct FilterCall : Expression {
  ExpressionPtr input;  // null: the text of the enclosing filter or set block
  std::string name;
  CallArguments arguments;
  Value evaluate(Interpreter& interpreter) const override;
};

struct TestCall : Expression {
  ExpressionPtr input;
  std::string name;
  CallArguments arguments;
  bool negated = false;
  Value evaluate(Interpreter& interpreter) const override;
};

struct Unary : Expression {
  enum class Op { kNot, kNegate, kPlus } op = Op::kNot;
  ExpressionPtr operand;
  Value evaluate(Interpreter& interpreter) const override;
};

struct Binary : Expression {
  BinaryOp op = BinaryOp::kAdd;
  ExpressionPtr left, right;
  Value evaluate(Interpreter& interpreter) const override;
};

struct Logical : Expression {
  bool is_and = true;
  ExpressionPtr left, right;
  Value evaluate(Interpreter& interpreter) const override;
};

struct Comparison : Expression {
  ExpressionPtr first;
  std::vector<std::pair<CompareOp, ExpressionPtr>> rest;
  Value evaluate(Interpreter& interpreter) const override;
};

struct Concatenation : Expression {
  std::vector<ExpressionPtr> parts;
  Value evaluate(Interpreter& interpreter) const override;
};

struct Conditional : Expression {
  ExpressionPtr condition, then, otherwise;  // otherwise may be null
  Value evaluate(Interpreter& interpreter) const override;
};

// ---- Statements

// What `set` and `for` assign to: a name, an attribute of a namespace, or several targets.
struct Target {
  Symbol symbol = -1;
  std::string attribute;        // of the namespace that `symbol` names; empty: the name itself
  std::vector<Target> targets;  // unpacking
  bool unpacks = false;
};

struct Data : Statement {
  std::string text;
  Flow run(Interpreter& interpreter) const override;
};

struct Print : Statement {
  ExpressionPtr value;
  Flow run(Interpreter& interpreter) const override;
};

struct If : Statement {
  std::vector<std::pair<ExpressionPtr, Block>> branches;
  Block otherwise;
  Flow run(Interpreter& interpreter) const override;
};

struct For : Statement {
  Target target;
  ExpressionPtr iterable, condition;  // condition may be null
  bool recursive = false;
  Block body, otherwise;
  Flow run(Interpreter& interpreter) const override;
};

struct Set : Statement {
  Target target;
  ExpressionPtr value;
  Flow run(Interpreter& interpreter) const override;
};

struct SetBlock : Statement {
  Target target;
  ExpressionPtr filter;  // may be null
  Block body;
  Flow run(Interpreter& interpreter) const override;
};

struct With : Statement {
  std::vector<std::pair<Target, ExpressionPtr>> bindings;
  Block body;
  Flow run(Interpreter& interpreter) const override;
};

struct FilterBlock : Statement {
  ExpressionPtr filter;
  Block body;
  Flow run(Interpreter& interpreter) const override;
};

// A body that runs in a scope of its own: `generation`.
struct Scoped : Statement {
  Block body;
  Flow run(Interpreter& interpreter) const override;
};

struct MacroBody {
  std::string name;
  struct Parameter {
    Symbol symbol;
    std::string name;
    ExpressionPtr otherwise;  // may be null
  };
  std::vector<Parameter> parameters;
  Block body;
  bool uses_caller = false, uses_varargs = false, uses_kwargs = false;
  bool takes_caller = false;  // a parameter is named caller
};

struct MacroDefinition : Statement {
  Symbol symbol = 0;
  MacroBody macro;
  Flow run(Interpreter& interpreter) const override;
};

struct CallBlock : Statement {
  std::unique_ptr<const Call> call;
  MacroBody caller;
  Flow run(Interpreter& interpreter) const override;
};

struct Jump : Statement {
  Flow flow = Flow::kBreak;
  Flow run(Interpreter&) const override { return flow; }
};

struct Program {
  std::vector<std::string> names;
  Symbol loop = 0, caller = 0, varargs = 0, kwargs = 0;
  Block body;
};

std::shared_ptr<const Program> parse_program(std::string_view source, int max_depth);

}  // namespace pingti::jinja
