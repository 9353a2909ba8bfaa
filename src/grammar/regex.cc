#include "grammar/regex.h"

#include <fmt/format.h>

#include <optional>

#include "text/utf8.h"

namespace pingti {
namespace {

using Kind = Expression::Kind;

const CodeRanges kDigits = {{'0', '9'}};
const CodeRanges kWord = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
// ECMA-262: WhiteSpace and LineTerminator.
const CodeRanges kSpaces = {{'\t', '\r'},     {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680},
                            {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F},
                            {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
const CodeRanges kLineEnds = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};

struct Escaped {
  CodeRanges ranges;
  bool single;  // one character, which may begin or end a range
};

class RegexParser {
 public:
  RegexParser(std::u32string text, const OutputLimits& limits) : text_(std::move(text)), limits_(limits) {}

  OutputResult<Expression> parse() {
    Expression whole = alternatives(0);
    if (!problem_ && at_ < text_.size()) refuse("grammar.regex", "a ')' without its '('");
    if (problem_) return std::unexpected(std::move(*problem_));
    return whole;
  }

 private:
  bool done() const { return problem_.has_value() || at_ >= text_.size(); }
  bool next_is(char32_t code) const { return !done() && text_[at_] == code; }
  bool take(char32_t code) {
    if (!next_is(code)) return false;
    ++at_;
    return true;
  }
  bool take(std::u32string_view codes) {
    if (done() || std::u32string_view(text_).substr(at_, codes.size()) != codes) return false;
    at_ += codes.size();
    return true;
  }
  void refuse(const char* code, const std::string& what) {
    if (problem_) return;
    problem_ = OutputProblem{
        {.kind = code == std::string_view("grammar.limit") ? ErrorKind::kTooLarge : ErrorKind::kInvalid,
         .code = code,
         .message = fmt::format("the pattern has, at character {}, {}", at_ + 1, what)},
        {}};
  }

  Expression alternatives(int depth) {
    Expression choice;
    choice.kind = Kind::kChoice;
    if (depth > limits_.depth)
      refuse("grammar.limit", fmt::format("more than {} nested groups", limits_.depth));
    do {
      if (problem_) return choice;
      choice.children.push_back(sequence(depth));
    } while (take(U'|'));
    if (choice.children.size() == 1) return std::move(choice.children[0]);
    return choice;
  }

  // Anchors mean nothing at the ends of a whole match; elsewhere they would be ignored.
  Expression sequence(int depth) {
    Expression result;
    if (depth == 0) take(U'^');
    while (!done() && !next_is(U'|') && !next_is(U')')) {
      if (next_is(U'$') && depth == 0) {
        ++at_;
        if (done() || next_is(U'|')) break;
        --at_;
      }
      if (next_is(U'^') || next_is(U'$')) {
        refuse("grammar.unsupported", "an anchor that is not at the end of an outermost alternative");
        break;
      }
      result.children.push_back(quantified(atom(depth)));
    }
    if (result.children.size() == 1) return std::move(result.children[0]);
    return result;
  }

  Expression atom(int depth) {
    if (take(U'(')) return group(depth);
    if (take(U'[')) return bracket();
    if (take(U'.')) return Expression::one_of(complement(kLineEnds));
    if (next_is(U'*') || next_is(U'+') || next_is(U'?') || next_is(U'{')) {
      refuse("grammar.regex", "a repetition of nothing");
      return {};
    }
    if (next_is(U']') || next_is(U'}')) {
      refuse("grammar.regex", "a closing bracket without its opening one");
      return {};
    }
    if (take(U'\\')) return Expression::one_of(escape(/*in_bracket=*/false).ranges);
    return Expression::character(text_[at_++]);
  }

  Expression group(int depth) {
    if (take(U"?<=") || take(U"?<!") || take(U"?=") || take(U"?!")) {
      refuse("grammar.unsupported", "a look-around assertion, which a grammar cannot express");
    } else if (take(U"?<") || take(U"?P<")) {
      size_t letters = 0;
      while (!done() && !next_is(U'>')) ++at_, ++letters;
      if (!take(U'>') || letters == 0) refuse("grammar.regex", "a group name without its end");
    } else if (!take(U"?:") && next_is(U'?')) {
      refuse("grammar.unsupported", "flags or a kind of group that are not supported");
    }
    Expression inside = alternatives(depth + 1);
    if (!take(U')')) refuse("grammar.regex", "a '(' without its ')'");
    return inside;
  }

  Expression quantified(Expression child) {
    int least = 0;
    int most = Expression::kUnbounded;
    if (take(U'?')) {
      most = 1;
    } else if (take(U'+')) {
      least = 1;
    } else if (!take(U'*')) {
      if (!take(U'{')) return child;
      bounds(&least, &most);
    }
    take(U'?');  // lazy: matches the same texts
    if (next_is(U'*') || next_is(U'+') || next_is(U'?') || next_is(U'{'))
      refuse("grammar.regex", "two repetitions of one thing");
    return Expression::repeat(std::move(child), least, most);
  }

  void bounds(int* least, int* most) {
    const auto number = [&](int* out) {
      size_t digits = 0;
      int64_t value = 0;
      for (; !done() && text_[at_] >= '0' && text_[at_] <= '9' && digits < 9; ++at_, ++digits)
        value = value * 10 + (text_[at_] - '0');
      *out = static_cast<int>(value);
      return digits > 0;
    };
    bool right = number(least);
    *most = *least;
    if (right && take(U',') && !number(most)) *most = Expression::kUnbounded;
    if (!right || !take(U'}')) {
      refuse("grammar.regex", "a '{' that is no repetition; a brace itself is written \\{");
    } else if (*most != Expression::kUnbounded && *most < *least) {
      refuse("grammar.regex",
             fmt::format("the repetition {{{},{}}}, whose bounds are in the wrong order", *least, *most));
    }
  }

  Expression bracket() {
    const bool negated = take(U'^');
    CodeRanges ranges;
    bool empty = true;
    while (!done() && !next_is(U']')) {
      empty = false;
      const Escaped first = bracket_item();
      if (next_is(U'-') && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
        ++at_;
        const Escaped last = bracket_item();
        if (problem_) return {};
        if (!first.single || !last.single || last.ranges[0].first < first.ranges[0].first) {
          refuse("grammar.regex", "a range whose ends are no characters in ascending order");
          return {};
        }
        ranges.emplace_back(first.ranges[0].first, last.ranges[0].first);
      } else {
        ranges.insert(ranges.end(), first.ranges.begin(), first.ranges.end());
      }
    }
    if (!take(U']')) refuse("grammar.regex", "a '[' without its ']'");
    Expression result = Expression::one_of(negated ? complement(ranges) : std::move(ranges));
    if (empty || result.ranges.empty()) refuse("grammar.regex", "brackets that hold no character");
    return result;
  }

  Escaped bracket_item() {
    if (done()) return {{{0, 0}}, true};
    if (take(U'\\')) return escape(/*in_bracket=*/true);
    const char32_t code = text_[at_++];
    return {{{code, code}}, true};
  }

  // After the backslash.
  Escaped escape(bool in_bracket) {
    const auto one = [](char32_t code) { return Escaped{{{code, code}}, true}; };
    if (done()) {
      refuse("grammar.regex", "a backslash at its end");
      return one(0);
    }
    const char32_t code = text_[at_++];
    switch (code) {
      case 'd':
        return {kDigits, false};
      case 'D':
        return {complement(kDigits), false};
      case 'w':
        return {kWord, false};
      case 'W':
        return {complement(kWord), false};
      case 's':
        return {kSpaces, false};
      case 'S':
        return {complement(kSpaces), false};
      case 'n':
        return one('\n');
      case 'r':
        return one('\r');
      case 't':
        return one('\t');
      case 'f':
        return one('\f');
      case 'v':
        return one('\v');
      case 'x':
        return one(hex(2));
      case 'u':
        return one(unicode());
      case 'c':
        if (!done() && ((text_[at_] | 32) >= 'a' && (text_[at_] | 32) <= 'z')) return one(text_[at_++] % 32);
        break;
      case '0':
        if (done() || text_[at_] < '0' || text_[at_] > '9') return one(0);
        break;
      case 'b':
        if (in_bracket) return one('\b');
        break;
      default:
        break;
    }
    const bool letter = (code >= '0' && code <= '9') || ((code | 32) >= 'a' && (code | 32) <= 'z');
    if (!letter) return one(code);
    --at_;
    const bool known = (code >= '1' && code <= '9') || std::u32string_view(U"bBkpPAzZG").contains(code);
    refuse(known ? "grammar.unsupported" : "grammar.regex",
           fmt::format("the escape '\\{}', which {}", static_cast<char>(code),
                       known ? "a grammar cannot express" : "has no meaning"));
    return one(0);
  }

  char32_t hex(int digits) {
    char32_t value = 0;
    for (int i = 0; i < digits; ++i) {
      const char32_t c = done() ? U' ' : text_[at_];
      const char32_t lower = c | 32;
      if (c >= '0' && c <= '9') {
        value = value * 16 + (c - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        value = value * 16 + (lower - 'a' + 10);
      } else {
        refuse("grammar.regex", fmt::format("an escape that needs {} hexadecimal digits", digits));
        return 0;
      }
      ++at_;
    }
    return value;
  }

  char32_t unicode() {
    char32_t value = 0;
    if (take(U'{')) {
      int digits = 0;
      while (!done() && !next_is(U'}') && digits < 7) value = value * 16 + hex(1), ++digits;
      if (!take(U'}') || digits == 0) refuse("grammar.regex", "a '\\u{' without one to six digits and '}'");
    } else {
      value = hex(4);
      if (value >= 0xD800 && value < 0xDC00 && take(U"\\u")) {
        const char32_t low = hex(4);
        if (low >= 0xDC00 && low < 0xE000) value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
      }
    }
    if (value > kLastCodePoint || (value >= 0xD800 && value < 0xE000)) {
      refuse("grammar.regex", "an escape that is no Unicode character");
      return 0;
    }
    return value;
  }

  std::u32string text_;
  const OutputLimits& limits_;
  size_t at_ = 0;
  std::optional<OutputProblem> problem_;
};

}  // namespace

OutputResult<Expression> parse_regex(std::string_view pattern, const OutputLimits& limits) {
  if (pattern.size() > limits.regex_bytes) {
    return output_problem(
        ErrorKind::kTooLarge, "grammar.limit",
        fmt::format("the pattern has {} bytes; at most {} are taken", pattern.size(), limits.regex_bytes));
  }
  std::u32string text;
  for (std::string_view rest = pattern; !rest.empty();) {
    const Utf8Char next = decode_utf8(rest);
    if (next.status != Utf8Status::kValid)
      return output_problem(ErrorKind::kInvalid, "grammar.regex", "the pattern is not valid UTF-8");
    text += next.code;
    rest.remove_prefix(next.length);
  }
  auto expression = RegexParser(std::move(text), limits).parse();
  if (!expression) return expression;
  if (expanded_size(*expression, limits.repetitions + 1) > limits.repetitions) {
    return output_problem(ErrorKind::kTooLarge, "grammar.limit",
                          fmt::format("the pattern with its repetitions written out has more than {} parts",
                                      limits.repetitions));
  }
  return expression;
}

}  // namespace pingti
