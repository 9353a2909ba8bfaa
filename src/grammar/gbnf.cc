#include "grammar/gbnf.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "grammar/expression.h"
#include "text/utf8.h"

namespace pingti {
namespace {

using Kind = Expression::Kind;

bool is_name(char32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '.';
}

class GbnfParser {
 public:
  GbnfParser(std::u32string text, const OutputLimits& limits) : text_(std::move(text)), limits_(limits) {}

  struct Rule {
    std::string name;
    Expression body;
  };

  OutputResult<std::vector<Rule>> parse() {
    skip_space();
    while (!done()) rule();
    if (problem_) return std::unexpected(std::move(*problem_));
    return std::move(rules_);
  }

 private:
  bool done() const { return problem_.has_value() || at_ >= text_.size(); }
  char32_t peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : U'\0'; }
  bool next_is(char32_t code) const { return !done() && peek() == code; }
  bool take(char32_t code) {
    if (!next_is(code)) return false;
    ++at_;
    return true;
  }

  void refuse(const char* code, const std::string& message) {
    if (problem_) return;
    const auto before = std::u32string_view(text_).substr(0, at_);
    const auto line = 1 + std::ranges::count(before, U'\n');
    const size_t start = before.rfind(U'\n');
    const size_t column = 1 + at_ - (start == std::u32string_view::npos ? 0 : start + 1);
    problem_ = OutputProblem{
        {.kind = code == std::string_view("grammar.limit") ? ErrorKind::kTooLarge : ErrorKind::kInvalid,
         .code = code,
         .message = fmt::format("line {}, column {} of the grammar: {}", line, column, message)},
        {}};
  }

  void skip_space() {
    while (!done()) {
      const char32_t c = peek();
      if (c == '#') {
        while (!done() && peek() != '\n') ++at_;
      } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        ++at_;
      } else {
        return;
      }
    }
  }

  std::string name() {
    std::string result;
    while (!done() && is_name(peek())) result += static_cast<char>(text_[at_++]);
    return result;
  }

  // Whether a new rule begins here: a name and "::=".
  bool rule_begins() const {
    size_t ahead = 0;
    while (is_name(peek(ahead))) ++ahead;
    if (ahead == 0) return false;
    while (peek(ahead) == ' ' || peek(ahead) == '\t') ++ahead;
    return peek(ahead) == ':' && peek(ahead + 1) == ':' && peek(ahead + 2) == '=';
  }

  void rule() {
    std::string rule_name = name();
    skip_space();
    if (next_is(U'[')) return refuse("grammar.unsupported", "rule attributes are not supported");
    if (rule_name.empty() || !take(U':') || !take(U':') || !take(U'='))
      return refuse("grammar.syntax", "a rule is written: name ::= expression");
    if (rules_.size() >= limits_.schemas)
      return refuse("grammar.limit", fmt::format("more than {} rules", limits_.schemas));
    skip_space();
    Expression body = alternatives(0);
    if (!done() && !rule_begins())
      refuse("grammar.syntax", fmt::format("'{}' is not expected here", shown()));
    rules_.push_back({std::move(rule_name), std::move(body)});
  }

  std::string shown() const {
    std::string text;
    append_utf8(text, peek());
    return text;
  }

  Expression alternatives(int depth) {
    Expression choice;
    choice.kind = Kind::kChoice;
    if (depth > limits_.depth)
      refuse("grammar.limit", fmt::format("more than {} nested groups", limits_.depth));
    do {
      skip_space();
      if (problem_) return choice;
      choice.children.push_back(sequence(depth));
    } while (take(U'|'));
    if (choice.children.size() == 1) return std::move(choice.children[0]);
    return choice;
  }

  Expression sequence(int depth) {
    Expression result;
    while (!done() && peek() != '|' && peek() != ')' && !rule_begins()) {
      Expression part = item(depth);
      if (problem_) return result;
      skip_space();
      part = quantified(std::move(part));
      skip_space();
      result.children.push_back(std::move(part));
    }
    return result;
  }

  Expression item(int depth) {
    if (take(U'"')) return literal();
    if (take(U'[')) return bracket();
    if (take(U'.')) return Expression::one_of({{0, kLastCodePoint}});
    if (next_is(U'(') && peek(1) == '=') {
      refuse("grammar.unsupported", "look-ahead assertions are not supported");
      return {};
    }
    if (take(U'(')) {
      Expression inside = alternatives(depth + 1);
      if (!take(U')')) refuse("grammar.syntax", "a '(' without its ')'");
      return inside;
    }
    if (next_is(U'<') || next_is(U'!')) {
      refuse("grammar.unsupported", "matching single tokens by <name> is not supported");
      return {};
    }
    Expression reference;
    reference.kind = Kind::kReference;
    reference.name = name();
    if (reference.name.empty()) refuse("grammar.syntax", fmt::format("'{}' is not expected here", shown()));
    if (next_is(U'(') && !reference.name.empty() &&
        (reference.name == "TagDispatch" || reference.name == "Token" || reference.name == "ExcludeToken"))
      refuse("grammar.unsupported", "macros are not supported");
    return reference;
  }

  Expression literal() {
    Expression result;
    while (!done() && peek() != '"' && peek() != '\n')
      result.children.push_back(Expression::character(character()));
    if (!take(U'"')) refuse("grammar.syntax", "a literal without its closing quote");
    return result;
  }

  Expression bracket() {
    const bool negated = take(U'^');
    CodeRanges ranges;
    while (!done() && peek() != ']') {
      const char32_t first = character();
      char32_t last = first;
      if (next_is(U'-') && peek(1) != ']') {
        ++at_;
        last = character();
      }
      if (last < first) refuse("grammar.syntax", "a range whose ends are in the wrong order");
      ranges.emplace_back(first, last);
    }
    if (!take(U']')) refuse("grammar.syntax", "a '[' without its ']'");
    Expression result = Expression::one_of(negated ? complement(ranges) : std::move(ranges));
    if (result.ranges.empty()) refuse("grammar.syntax", "brackets that hold no character");
    return result;
  }

  // One character of a literal or class, escapes resolved.
  char32_t character() {
    if (!take(U'\\')) return done() ? U'\0' : text_[at_++];
    const char32_t code = done() ? U'\0' : text_[at_++];
    switch (code) {
      case 'n':
        return U'\n';
      case 'r':
        return U'\r';
      case 't':
        return U'\t';
      case 'x':
        return hex(2);
      case 'u':
        return hex(4);
      case 'U':
        return hex(8);
      default:
        break;
    }
    const bool plain = code != 0 && code < 0x80 && !(code >= '0' && code <= '9') &&
                       !((code | 32) >= 'a' && (code | 32) <= 'z');
    if (!plain) {
      --at_;
      refuse("grammar.syntax", fmt::format("the escape '\\{}' has no meaning", shown()));
    }
    return code;
  }

  char32_t hex(int digits) {
    uint64_t value = 0;
    for (int i = 0; i < digits; ++i, ++at_) {
      const char32_t c = peek();
      const char32_t lower = c | 32;
      const bool decimal = c >= '0' && c <= '9';
      if (!decimal && !(lower >= 'a' && lower <= 'f')) {
        refuse("grammar.syntax", fmt::format("this escape needs {} hexadecimal digits", digits));
        return 0;
      }
      value = value * 16 + (decimal ? c - '0' : lower - 'a' + 10);
    }
    if (value > kLastCodePoint || (value >= 0xD800 && value < 0xE000)) {
      refuse("grammar.syntax", "this escape is no Unicode character");
      return 0;
    }
    return static_cast<char32_t>(value);
  }

  Expression quantified(Expression child) {
    int least = 0;
    int most = Expression::kUnbounded;
    if (take(U'?')) {
      most = 1;
    } else if (take(U'+')) {
      least = 1;
    } else if (take(U'{')) {
      bounds(&least, &most);
    } else if (!take(U'*')) {
      return child;
    }
    skip_space();
    if (peek() == '*' || peek() == '+' || peek() == '?' || peek() == '{')
      refuse("grammar.syntax", "two repetitions of one thing");
    return Expression::repeat(std::move(child), least, most);
  }

  void bounds(int* least, int* most) {
    const auto number = [&](int* out) {
      int digits = 0;
      int64_t value = 0;
      for (; peek() >= '0' && peek() <= '9' && digits < 9; ++at_, ++digits)
        value = value * 10 + (peek() - '0');
      *out = static_cast<int>(value);
      return digits > 0;
    };
    const auto space = [&] {
      while (peek() == ' ') ++at_;
    };
    space();
    const bool right = number(least);
    space();
    *most = *least;
    if (take(U',')) {
      space();
      if (!number(most)) *most = Expression::kUnbounded;
      space();
    }
    if (!right || !take(U'}') || (*most != Expression::kUnbounded && *most < *least)) {
      refuse("grammar.syntax", "a repetition is written {m}, {m,} or {m,n} with m <= n");
    }
  }

  std::u32string text_;
  const OutputLimits& limits_;
  size_t at_ = 0;
  std::vector<Rule> rules_;
  std::optional<OutputProblem> problem_;
};

void collect_references(const Expression& expression, std::vector<std::string>* names) {
  if (expression.kind == Kind::kReference) names->push_back(expression.name);
  for (const Expression& child : expression.children) collect_references(child, names);
}

void rename(Expression& expression, const std::map<std::string, std::string>& names) {
  if (expression.kind == Kind::kReference) expression.name = names.at(expression.name);
  for (Expression& child : expression.children) rename(child, names);
}

// Whether some text can match, if the rules in `can` can.
bool can_match(const Expression& expression, const std::map<std::string, bool>& can) {
  switch (expression.kind) {
    case Kind::kClass:
      return true;
    case Kind::kReference:
      return can.at(expression.name);
    case Kind::kRepeat:
      return expression.least == 0 || can_match(expression.children[0], can);
    case Kind::kSequence:
      return std::ranges::all_of(expression.children,
                                 [&](const auto& child) { return can_match(child, can); });
    case Kind::kChoice:
      return std::ranges::any_of(expression.children,
                                 [&](const auto& child) { return can_match(child, can); });
  }
  return false;
}

OutputResult<void> check_rules(const std::vector<GbnfParser::Rule>& rules, const OutputLimits& limits) {
  const auto problem = [](std::string message) {
    return output_problem(ErrorKind::kInvalid, "grammar.rule", std::move(message));
  };
  std::map<std::string, bool> can;
  for (const auto& rule : rules) {
    if (!can.emplace(rule.name, false).second)
      return problem(fmt::format("the grammar defines the rule '{}' twice", rule.name));
  }
  if (!can.contains("root")) return problem("the grammar has no rule named 'root'");
  size_t size = 0;
  for (const auto& rule : rules) {
    std::vector<std::string> names;
    collect_references(rule.body, &names);
    for (const std::string& name : names) {
      if (!can.contains(name))
        return problem(
            fmt::format("the rule '{}' uses '{}', which the grammar does not define", rule.name, name));
    }
    size += expanded_size(rule.body, limits.repetitions * 4 + 1);
    if (size > limits.repetitions * 4) {
      return output_problem(ErrorKind::kTooLarge, "grammar.limit",
                            fmt::format("the grammar with its repetitions written out has more than {} parts",
                                        limits.repetitions * 4));
    }
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (const auto& rule : rules) {
      bool& known = can.at(rule.name);
      if (!known && can_match(rule.body, can)) known = changed = true;
    }
  }
  for (const auto& [name, matches] : can) {
    if (!matches) return problem(fmt::format("no text matches the rule '{}': it always needs itself", name));
  }
  return {};
}

}  // namespace

OutputResult<std::string> translate_gbnf(std::string_view grammar, const OutputLimits& limits) {
  if (grammar.size() > limits.text_bytes) {
    return output_problem(
        ErrorKind::kTooLarge, "grammar.limit",
        fmt::format("the grammar has {} bytes; at most {} are taken", grammar.size(), limits.text_bytes));
  }
  std::u32string text;
  for (std::string_view rest = grammar; !rest.empty();) {
    const Utf8Char next = decode_utf8(rest);
    if (next.status != Utf8Status::kValid || next.code == 0)
      return output_problem(ErrorKind::kInvalid, "grammar.syntax", "the grammar is not valid UTF-8 text");
    text += next.code;
    rest.remove_prefix(next.length);
  }
  auto rules = GbnfParser(std::move(text), limits).parse();
  if (!rules) return std::unexpected(std::move(rules.error()));
  if (auto right = check_rules(*rules, limits); !right) return std::unexpected(std::move(right.error()));
  std::map<std::string, std::string> spelled;  // XGrammar's names may not begin with a digit, nor be "true"
  for (size_t i = 0; i < rules->size(); ++i)
    spelled[(*rules)[i].name] = (*rules)[i].name == "root" ? "root" : fmt::format("r{}", i);
  std::string out;
  for (auto& rule : *rules) {
    rename(rule.body, spelled);
    out += fmt::format("{} ::= {}\n", spelled.at(rule.name), to_ebnf(rule.body));
  }
  return out;
}

}  // namespace pingti
