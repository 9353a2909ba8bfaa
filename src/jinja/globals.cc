#include "jinja/globals.h"

#include <fmt/core.h>

#include <ctime>

#include "jinja/attributes.h"
#include "jinja/callable.h"
#include "jinja/interpreter.h"
#include "jinja/operators.h"
#include "jinja/repr.h"

namespace pingti::jinja {
namespace {

constexpr int64_t kMaxRangeItems = 100'000;  // as the sandbox has it

int64_t range_bound(const Value& value) {
  if (value.is_undefined()) throw_undefined(value);
  if (!value.is_integral())
    throw_runtime(fmt::format("'{}' object cannot be interpreted as an integer", type_name(value)));
  return value.as_int();
}

Value range(Interpreter& interpreter, const Arguments& arguments) {
  const Values& given = arguments.positional;
  if (given.empty() || given.size() > 3 || !arguments.keyword.empty())
    throw_runtime("range expected 1 to 3 arguments");
  const int64_t start = given.size() > 1 ? range_bound(given[0]) : 0;
  const int64_t stop = range_bound(given[given.size() > 1 ? 1 : 0]);
  const int64_t step = given.size() > 2 ? range_bound(given[2]) : 1;
  if (step == 0) throw_runtime("range() arg 3 must not be zero");
  const Value value = interpreter.make().range(start, stop, step);
  if (value.object<RangeObject>()->size() > kMaxRangeItems) {
    throw_limit(fmt::format("Range too big. The sandbox blocks ranges larger than {}.", kMaxRangeItems));
  }
  return value;
}

// The arguments of Python's dict(): a mapping or pairs, then keywords.
std::vector<DictEntry> dict_entries(Interpreter& interpreter, const Arguments& arguments) {
  const Maker& make = interpreter.make();
  std::vector<DictEntry> entries;
  if (arguments.positional.size() > 1) throw_runtime("dict expected at most 1 argument");
  if (!arguments.positional.empty()) {
    const Value& source = arguments.positional[0];
    if (source.is(Kind::kDict)) {
      entries = source.dict().entries;
    } else {
      for (const Value& pair : items_of(source, make)) {
        const Values both = items_of(pair, make);
        if (both.size() != 2)
          throw_runtime("dictionary update sequence element has the wrong length; 2 is required");
        entries.push_back({both[0], both[1]});
      }
    }
  }
  for (const auto& [name, value] : arguments.keyword) entries.push_back({make.string(name), value});
  return entries;
}

Value dict(Interpreter& interpreter, const Arguments& arguments) {
  return interpreter.make().dict(dict_entries(interpreter, arguments));
}

Value name_space(Interpreter& interpreter, const Arguments& arguments) {
  const Value all = interpreter.make().dict(dict_entries(interpreter, arguments));
  for (const DictEntry& entry : all.dict().entries) {
    if (!entry.key.is_string()) throw_runtime("the names of a namespace must be text");
    if (entry.key.text().starts_with('_')) {
      throw_runtime("chat templates cannot store underscore-prefixed attributes on a namespace");
    }
  }
  return interpreter.make_namespace(all.dict().entries);
}

class Cycler : public AttributeObject, public std::enable_shared_from_this<Cycler> {
 public:
  Cycler(Values items, Charge charge) : items_(std::move(items)), charge_(std::move(charge)) {}

  bool find(std::string_view name, const Maker&, Value* found) override {
    if (name == "current") {
      *found = items_[position_];
    } else if (name == "next" || name == "reset") {
      *found = make_function(
          [self = shared_from_this(), resets = name == "reset"](Interpreter&, const Arguments&) {
            return resets ? self->reset() : self->next();
          });
    } else {
      return false;
    }
    return true;
  }

 private:
  Value next() {
    const Value value = items_[position_];
    position_ = (position_ + 1) % items_.size();
    return value;
  }
  Value reset() {
    position_ = 0;
    return Value::none();
  }

  Values items_;
  Charge charge_;
  size_t position_ = 0;
};

Value cycler(Interpreter& interpreter, const Arguments& arguments) {
  if (arguments.positional.empty()) throw_runtime("at least one item has to be provided");
  Charge charge(&interpreter.meter(), 96 + arguments.positional.size() * sizeof(Value));
  return Value(Kind::kObject, std::make_shared<Cycler>(arguments.positional, std::move(charge)));
}

Value joiner(Interpreter& interpreter, const Arguments& arguments) {
  Signature take("joiner", arguments, {"sep"});
  const Value separator = take.optional(0, interpreter.make().string(", "));
  auto used = std::make_shared<bool>(false);
  return make_function([separator, used](Interpreter& inner, const Arguments&) {
    return std::exchange(*used, true) ? separator : inner.make().string("");
  });
}

Value raise_exception(Interpreter& interpreter, const Arguments& arguments) {
  Signature take("raise_exception", arguments, {"message"});
  throw Failure{FailureKind::kRaised, to_text(take.required(0), interpreter.make())};
}

Value strftime_now(Interpreter& interpreter, const Arguments& arguments) {
  Signature take("strftime_now", arguments, {"format"});
  take.required(0);
  const std::string format = take.text(0, "");
  if (format.empty()) return interpreter.make().string("");
  if (format.size() > 1000) throw_limit("the date format is too long");
  const std::time_t seconds = std::chrono::system_clock::to_time_t(interpreter.options().now);
  std::tm local{};
  localtime_r(&seconds, &local);
  std::string text(16 * format.size() + 256, '\0');
  text.resize(std::strftime(text.data(), text.size(), format.c_str(), &local));
  return interpreter.make().string(std::move(text));
}

struct Row {
  std::string_view name;
  Value (*function)(Interpreter&, const Arguments&);
};

constexpr Row kRows[] = {
    {"range", range},
    {"dict", dict},
    {"namespace", name_space},
    {"cycler", cycler},
    {"joiner", joiner},
    {"raise_exception", raise_exception},
    {"strftime_now", strftime_now},
};

}  // namespace

bool find_global(std::string_view name, Value* found) {
  for (const Row& row : kRows) {
    if (row.name != name) continue;
    *found = make_function(row.function);
    return true;
  }
  return false;
}

}  // namespace pingti::jinja
