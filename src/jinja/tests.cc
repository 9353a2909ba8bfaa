#include "jinja/tests.h"

#include "jinja/attributes.h"
#include "jinja/filters.h"
#include "jinja/operators.h"
#include "jinja/repr.h"

namespace pingti::jinja {
namespace {

void no_arguments(const Arguments& arguments) { Signature take("test", arguments, {}); }

const Value& one_argument(const Arguments& arguments) {
  if (arguments.positional.size() != 1 || !arguments.keyword.empty())
    throw_runtime("the test takes one argument");
  return arguments.positional[0];
}

bool remainder_is(Interpreter& interpreter, const Value& subject, const Value& divisor, int64_t wanted) {
  return equal(binary(BinaryOp::kModulo, subject, divisor, interpreter.make()), Value::integer(wanted));
}

bool odd(Interpreter& interpreter, const Value& subject, const Arguments& arguments) {
  no_arguments(arguments);
  return remainder_is(interpreter, subject, Value::integer(2), 1);
}

bool even(Interpreter& interpreter, const Value& subject, const Arguments& arguments) {
  no_arguments(arguments);
  return remainder_is(interpreter, subject, Value::integer(2), 0);
}

bool divisible_by(Interpreter& interpreter, const Value& subject, const Arguments& arguments) {
  return remainder_is(interpreter, subject, one_argument(arguments), 0);
}

// A test of the value's kind alone.
template <bool (*holds)(const Value&)>
bool of_kind(Interpreter&, const Value& subject, const Arguments& arguments) {
  no_arguments(arguments);
  return holds(subject);
}

bool is_defined(const Value& v) { return !v.is_undefined(); }
bool is_undefined(const Value& v) { return v.is_undefined(); }
bool is_none(const Value& v) { return v.is_none(); }
bool is_boolean(const Value& v) { return v.is(Kind::kBool); }
bool is_true(const Value& v) { return v.is(Kind::kBool) && v.as_bool(); }
bool is_false(const Value& v) { return v.is(Kind::kBool) && !v.as_bool(); }
bool is_integer(const Value& v) { return v.is(Kind::kInt); }
bool is_float(const Value& v) { return v.is(Kind::kFloat); }
bool is_number(const Value& v) { return v.is_number(); }
bool is_string(const Value& v) { return v.is_string(); }
bool is_mapping(const Value& v) { return v.is(Kind::kDict); }
bool is_escaped(const Value& v) { return v.is_markup(); }
bool is_callable(const Value& v) { return v.is(Kind::kCallable) || v.is_undefined(); }
// Something with a length and subscripts: mappings too, and what is undefined.
bool is_sequence(const Value& v) {
  return v.is_undefined() || v.is_string() || v.is_sequence() || v.is(Kind::kDict) || v.is(Kind::kRange);
}

bool lower(Interpreter& interpreter, const Value& subject, const Arguments& arguments) {
  no_arguments(arguments);
  return all_lower(to_text(subject, interpreter.make()));
}

bool upper(Interpreter& interpreter, const Value& subject, const Arguments& arguments) {
  no_arguments(arguments);
  return all_upper(to_text(subject, interpreter.make()));
}

bool same_as(Interpreter&, const Value& subject, const Arguments& arguments) {
  const Value& other = one_argument(arguments);
  if (subject.kind() != other.kind()) return false;
  if (subject.is_none()) return true;
  if (subject.is_number()) return equal(subject, other);
  if (subject.is_string()) return subject.text() == other.text();
  return subject.identity() == other.identity();
}

bool in(Interpreter& interpreter, const Value& subject, const Arguments& arguments) {
  return contains(one_argument(arguments), subject, interpreter.make());
}

template <CompareOp op>
bool compared(Interpreter& interpreter, const Value& subject, const Arguments& arguments) {
  return compare(op, subject, one_argument(arguments), interpreter.make());
}

bool names_filter(Interpreter&, const Value& subject, const Arguments& arguments) {
  no_arguments(arguments);
  return subject.is_string() && find_filter(subject.text()) != nullptr;
}

bool names_test(Interpreter&, const Value& subject, const Arguments& arguments) {
  no_arguments(arguments);
  return subject.is_string() && find_test(subject.text()) != nullptr;
}

struct Row {
  std::string_view name;
  Test test;
};

constexpr Row kRows[] = {
    {"odd", odd},
    {"even", even},
    {"divisibleby", divisible_by},
    {"defined", of_kind<is_defined>},
    {"undefined", of_kind<is_undefined>},
    {"filter", names_filter},
    {"test", names_test},
    {"none", of_kind<is_none>},
    {"boolean", of_kind<is_boolean>},
    {"false", of_kind<is_false>},
    {"true", of_kind<is_true>},
    {"integer", of_kind<is_integer>},
    {"float", of_kind<is_float>},
    {"lower", lower},
    {"upper", upper},
    {"string", of_kind<is_string>},
    {"mapping", of_kind<is_mapping>},
    {"number", of_kind<is_number>},
    {"sequence", of_kind<is_sequence>},
    {"iterable", of_kind<is_iterable>},
    {"callable", of_kind<is_callable>},
    {"sameas", same_as},
    {"escaped", of_kind<is_escaped>},
    {"in", in},
    {"==", compared<CompareOp::kEqual>},
    {"eq", compared<CompareOp::kEqual>},
    {"equalto", compared<CompareOp::kEqual>},
    {"!=", compared<CompareOp::kNotEqual>},
    {"ne", compared<CompareOp::kNotEqual>},
    {">", compared<CompareOp::kGreater>},
    {"gt", compared<CompareOp::kGreater>},
    {"greaterthan", compared<CompareOp::kGreater>},
    {">=", compared<CompareOp::kGreaterEqual>},
    {"ge", compared<CompareOp::kGreaterEqual>},
    {"<", compared<CompareOp::kLess>},
    {"lt", compared<CompareOp::kLess>},
    {"lessthan", compared<CompareOp::kLess>},
    {"<=", compared<CompareOp::kLessEqual>},
    {"le", compared<CompareOp::kLessEqual>},
};

}  // namespace

Test find_test(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.test;
  }
  return nullptr;
}

}  // namespace pingti::jinja
