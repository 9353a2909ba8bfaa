// Whatever a template may call, and how arguments reach it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jinja/value.h"

namespace pingti::jinja {

class Interpreter;

struct Arguments {
  Values positional;
  std::vector<std::pair<std::string, Value>> keyword;

  const Value* find(std::string_view name) const;
};

struct Callable : Object {
  virtual Value call(Interpreter& interpreter, Arguments arguments) const = 0;
  virtual std::string description() const { return "function"; }
};

// The arguments of one call, matched with the names a Python function would declare:
//   Signature take("truncate", arguments, {"length", "killwords"}); Value length = take.optional(0, 255)
class Signature {
 public:
  Signature(std::string_view function, const Arguments& arguments,
            std::initializer_list<std::string_view> names);

  bool given(size_t index) const { return present_[index]; }
  const Value& required(size_t index) const;
  Value optional(size_t index, const Value& otherwise) const {
    return given(index) ? slots_[index] : otherwise;
  }
  bool flag(size_t index, bool otherwise) const;
  int64_t integer(size_t index, int64_t otherwise) const;            // what is given must be an int
  std::string text(size_t index, std::string_view otherwise) const;  // what is given must be a str

 private:
  std::string function_;
  std::vector<std::string> names_;
  Values slots_;
  std::vector<bool> present_;
};

// A function of the library: free of state, or with what it needs captured.
struct Function : Callable {
  using Body = std::function<Value(Interpreter&, const Arguments&)>;
  explicit Function(Body body) : body(std::move(body)) {}
  Value call(Interpreter& interpreter, Arguments arguments) const override {
    return body(interpreter, arguments);
  }
  Body body;
};

Value make_function(Function::Body body);

}  // namespace pingti::jinja
