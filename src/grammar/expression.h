// Regular and context-free expressions over Unicode characters: what regex.h and gbnf.h read, in one form
// that is measured, and written as XGrammar's EBNF or as its regex dialect.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pingti {

using CodeRanges = std::vector<std::pair<char32_t, char32_t>>;  // both ends included

constexpr char32_t kLastCodePoint = 0x10FFFF;

// Sorted, disjoint, without surrogates (which UTF-8 cannot hold).
CodeRanges normalized(CodeRanges ranges);
// Every other character.
CodeRanges complement(const CodeRanges& ranges);

struct Expression {
  enum class Kind {
    kClass,      // one character of `ranges`
    kSequence,   // children, one after the other; none: the empty text
    kChoice,     // one of the children
    kRepeat,     // the child, `least` to `most` times
    kReference,  // the rule `name`
  };
  Kind kind = Kind::kSequence;
  CodeRanges ranges;
  std::vector<Expression> children;
  int least = 0;
  int most = kUnbounded;
  std::string name;

  static constexpr int kUnbounded = -1;
  static Expression character(char32_t code);
  static Expression one_of(CodeRanges ranges);
  static Expression repeat(Expression child, int least, int most);
  static Expression text(std::u32string_view codes);
};

// Characters after all bounded repetitions are written out; stops counting at `most`.
size_t expanded_size(const Expression& expression, size_t most);
// The texts of the expression, which has no references, that hold only characters of `allowed`; none:
// nullopt.
std::optional<Expression> restricted(const Expression& expression, const CodeRanges& allowed);

std::string to_ebnf(const Expression& expression);
// As XGrammar's regex converter reads it; ASCII only. The expression has no references.
std::string to_regex(const Expression& expression);

}  // namespace pingti
