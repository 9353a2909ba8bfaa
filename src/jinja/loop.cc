// `for`, and the `loop` object its body sees.
#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "jinja/ast.h"
#include "jinja/attributes.h"
#include "jinja/interpreter.h"

namespace pingti::jinja {
namespace {

// Walks the items one by one. The loop's own condition is asked only when an item is needed, since the body
// may change what it depends on.
class LoopState : public AttributeObject, public std::enable_shared_from_this<LoopState> {
 public:
  LoopState(Interpreter& interpreter, const For& loop, const Value& iterable, int depth0,
            std::shared_ptr<Scope> outside)
      : interpreter_(interpreter),
        loop_(loop),
        items_(items_of(iterable, interpreter.make())),
        charge_(&interpreter.meter(), items_.size() * sizeof(Value) + 160),
        depth0_(depth0),
        outside_(std::move(outside)) {}

  bool advance() {
    std::optional<Value> next = std::exchange(ahead_, std::nullopt);
    if (!next) next = pull();
    if (!next) return false;
    ++index0_;
    before_ = std::exchange(current_, *next);
    return true;
  }

  const Value& current() const { return current_; }

  bool find(std::string_view name, const Maker& make, Value* found) override;
  Value call(Interpreter& interpreter, const Arguments& arguments) override;

  Value cycle(const Arguments& arguments) const {
    if (arguments.positional.empty()) throw_runtime("no items for cycling given");
    return arguments.positional[static_cast<size_t>(index0_) % arguments.positional.size()];
  }

  bool changed(const Values& values) {
    const bool same =
        last_changed_ && last_changed_->size() == values.size() &&
        std::equal(values.begin(), values.end(), last_changed_->begin(), [&](const Value& a, const Value& b) {
          return compare(CompareOp::kEqual, a, b, interpreter_.make());
        });
    if (!same) last_changed_ = values;
    return !same;
  }

 private:
  std::optional<Value> pull() {
    while (position_ < items_.size()) {
      Value item = items_[position_++];
      interpreter_.meter().step();
      if (!loop_.condition || accepted_ || accepts(item)) return item;
    }
    return std::nullopt;
  }

  bool accepts(const Value& item) {
    Interpreter::Enter scope(interpreter_, outside_);
    interpreter_.assign(loop_.target, item);
    return truthy(interpreter_.evaluate(*loop_.condition));
  }

  const std::optional<Value>& peek() {
    if (!ahead_) ahead_ = pull();
    return ahead_;
  }

  int64_t length() {
    if (!loop_.condition) return static_cast<int64_t>(items_.size());
    if (!length_) {
      Values rest;
      while (auto item = pull()) rest.push_back(std::move(*item));
      length_ = static_cast<int64_t>(rest.size()) + index0_ + 1 + (ahead_ ? 1 : 0);
      remember(std::move(rest));
    }
    return *length_;
  }

  // The items already accepted come next, unasked.
  void remember(Values rest) {
    items_ = std::move(rest);
    position_ = 0;
    accepted_ = true;
  }

  bool find_number(std::string_view name, int64_t* number);

  Interpreter& interpreter_;
  const For& loop_;
  Values items_;
  Charge charge_;
  size_t position_ = 0;
  bool accepted_ = false;
  int64_t index0_ = -1;
  int depth0_;
  std::shared_ptr<Scope> outside_;
  std::optional<Value> ahead_;
  std::optional<int64_t> length_;
  Value before_, current_;
  std::optional<Values> last_changed_;
};

// Keeps the loop object alive while one of its methods is held.
struct LoopMethod : Callable {
  enum class Which { kCycle, kChanged };
  LoopMethod(Value loop, Which which) : loop(std::move(loop)), which(which) {}
  Value call(Interpreter&, Arguments arguments) const override {
    auto* state = loop.mutable_object<LoopState>();
    return which == Which::kCycle ? state->cycle(arguments)
                                  : Value::boolean(state->changed(arguments.positional));
  }
  Value loop;
  Which which;
};

Flow run_loop(Interpreter& interpreter, const For& loop, const Value& iterable, int depth0,
              const std::shared_ptr<Scope>& outside) {
  auto state = std::make_shared<LoopState>(interpreter, loop, iterable, depth0, outside);
  const Value loop_value(Kind::kObject, state);
  bool any = false;
  while (state->advance()) {
    any = true;
    Interpreter::Enter scope(interpreter, outside);
    interpreter.assign(interpreter.program().loop, loop_value);
    interpreter.assign(loop.target, state->current());
    if (interpreter.run(loop.body) == Flow::kBreak) return Flow::kNext;
  }
  if (any) return Flow::kNext;
  Interpreter::Enter scope(interpreter, outside);
  return interpreter.run(loop.otherwise);
}

bool LoopState::find_number(std::string_view name, int64_t* number) {
  if (name == "index") {
    *number = index0_ + 1;
  } else if (name == "index0") {
    *number = index0_;
  } else if (name == "length") {
    *number = length();
  } else if (name == "revindex") {
    *number = length() - index0_;
  } else if (name == "revindex0") {
    *number = length() - index0_ - 1;
  } else if (name == "depth") {
    *number = depth0_ + 1;
  } else if (name == "depth0") {
    *number = depth0_;
  } else {
    return false;
  }
  return true;
}

bool LoopState::find(std::string_view name, const Maker&, Value* found) {
  int64_t number = 0;
  if (find_number(name, &number)) {
    *found = Value::integer(number);
  } else if (name == "first") {
    *found = Value::boolean(index0_ == 0);
  } else if (name == "last") {
    *found = Value::boolean(!peek());
  } else if (name == "previtem") {
    *found = index0_ == 0 ? Value::undefined("there is no previous item") : before_;
  } else if (name == "nextitem") {
    *found = peek() ? *peek() : Value::undefined("there is no next item");
  } else if (name == "cycle" || name == "changed") {
    const auto which = name == "cycle" ? LoopMethod::Which::kCycle : LoopMethod::Which::kChanged;
    *found =
        Value(Kind::kCallable, std::make_shared<LoopMethod>(Value(Kind::kObject, shared_from_this()), which));
  } else {
    return false;
  }
  return true;
}

Value LoopState::call(Interpreter& interpreter, const Arguments& arguments) {
  if (!loop_.recursive) throw_runtime("The loop must have the 'recursive' marker to be called recursively.");
  if (arguments.positional.size() != 1 || !arguments.keyword.empty())
    throw_runtime("loop() takes one argument");
  Interpreter::Recursion recursion(interpreter);
  return interpreter.captured(
      [&] { run_loop(interpreter, loop_, arguments.positional[0], depth0_ + 1, outside_); });
}

}  // namespace

Flow For::run(Interpreter& interpreter) const {
  return run_loop(interpreter, *this, interpreter.evaluate(*iterable), 0, interpreter.scope());
}

}  // namespace pingti::jinja
