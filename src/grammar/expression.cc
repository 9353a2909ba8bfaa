#include "grammar/expression.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace pingti {
namespace {

using Kind = Expression::Kind;

// How one character is spelled between quotes or brackets.
std::string ebnf_escape(char32_t code) {
  if ((code >= '0' && code <= '9') || (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z'))
    return std::string(1, static_cast<char>(code));
  return fmt::format("\\U{:08X}", static_cast<uint32_t>(code));
}

std::string regex_escape(char32_t code) {
  if ((code >= '0' && code <= '9') || (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z'))
    return std::string(1, static_cast<char>(code));
  return fmt::format("\\u{{{:X}}}", static_cast<uint32_t>(code));
}

template <class Escape>
std::string write_class(const CodeRanges& ranges, const Escape& escape) {
  std::string text;
  bool caret = false;
  for (auto [first, last] : ranges) {
    // A caret at the beginning would negate: the converter of patterns resolves escapes before it looks.
    if (first == '^') {
      caret = true;
      if (first++ == last) continue;
    }
    text += escape(first);
    if (last != first) text += "-" + escape(last);
  }
  if (caret) text += escape('^');
  return "[" + text + "]";
}

std::string write_bounds(const Expression& repeat) {
  if (repeat.least == 0 && repeat.most == Expression::kUnbounded) return "*";
  if (repeat.least == 1 && repeat.most == Expression::kUnbounded) return "+";
  if (repeat.least == 0 && repeat.most == 1) return "?";
  if (repeat.most == Expression::kUnbounded) return fmt::format("{{{},}}", repeat.least);
  if (repeat.least == repeat.most) return fmt::format("{{{}}}", repeat.least);
  return fmt::format("{{{},{}}}", repeat.least, repeat.most);
}

bool is_single(const Expression& expression) {
  return expression.kind == Kind::kClass && expression.ranges.size() == 1 &&
         expression.ranges[0].first == expression.ranges[0].second;
}

}  // namespace

CodeRanges normalized(CodeRanges ranges) {
  constexpr char32_t kFirstSurrogate = 0xD800;
  constexpr char32_t kLastSurrogate = 0xDFFF;
  std::ranges::sort(ranges);
  CodeRanges merged;
  for (const auto& [first, last] : ranges) {
    if (!merged.empty() && first <= merged.back().second + 1) {
      merged.back().second = std::max(merged.back().second, last);
    } else {
      merged.emplace_back(first, last);
    }
  }
  CodeRanges result;
  for (const auto& [first, last] : merged) {
    if (first < kFirstSurrogate) result.emplace_back(first, std::min<char32_t>(last, kFirstSurrogate - 1));
    if (last > kLastSurrogate) result.emplace_back(std::max<char32_t>(first, kLastSurrogate + 1), last);
  }
  return result;
}

CodeRanges complement(const CodeRanges& ranges) {
  CodeRanges result;
  char32_t next = 0;
  for (const auto& [first, last] : normalized(ranges)) {
    if (first > next) result.emplace_back(next, first - 1);
    next = last + 1;
  }
  if (next <= kLastCodePoint) result.emplace_back(next, kLastCodePoint);
  return normalized(std::move(result));
}

Expression Expression::character(char32_t code) { return one_of({{code, code}}); }

Expression Expression::one_of(CodeRanges ranges) {
  Expression result;
  result.kind = Kind::kClass;
  result.ranges = normalized(std::move(ranges));
  return result;
}

Expression Expression::repeat(Expression child, int least, int most) {
  Expression result;
  result.kind = Kind::kRepeat;
  result.least = least;
  result.most = most;
  result.children.push_back(std::move(child));
  return result;
}

Expression Expression::text(std::u32string_view codes) {
  Expression result;
  for (const char32_t code : codes) result.children.push_back(character(code));
  return result;
}

size_t expanded_size(const Expression& expression, size_t most) {
  if (expression.kind == Kind::kClass || expression.kind == Kind::kReference)
    return std::min<size_t>(1, most);
  size_t sum = 1;
  for (const Expression& child : expression.children) {
    if (sum >= most) return most;
    sum += expanded_size(child, most);
  }
  if (expression.kind == Kind::kRepeat) {
    const auto times = static_cast<size_t>(std::max({1, expression.least, expression.most}));
    if (sum >= most || times > most / sum) return most;
    sum *= times;
  }
  return std::min(sum, most);
}

std::optional<Expression> restricted(const Expression& expression, const CodeRanges& allowed) {
  Expression result;
  result.kind = expression.kind;
  switch (expression.kind) {
    case Kind::kReference:
      PT_CHECK(false);
    case Kind::kClass:
      for (const auto& [first, last] : expression.ranges) {
        for (const auto& [least, most] : allowed) {
          if (first <= most && least <= last)
            result.ranges.emplace_back(std::max(first, least), std::min(last, most));
        }
      }
      if (result.ranges.empty()) return std::nullopt;
      return result;
    case Kind::kRepeat: {
      auto child = restricted(expression.children[0], allowed);
      if (child) return Expression::repeat(std::move(*child), expression.least, expression.most);
      if (expression.least > 0) return std::nullopt;
      return Expression{};
    }
    case Kind::kSequence:
    case Kind::kChoice:
      for (const Expression& child : expression.children) {
        auto part = restricted(child, allowed);
        if (part) {
          result.children.push_back(std::move(*part));
        } else if (expression.kind == Kind::kSequence) {
          return std::nullopt;
        }
      }
      if (expression.kind == Kind::kChoice && result.children.empty()) return std::nullopt;
      return result;
  }
  return std::nullopt;
}

std::string to_ebnf(const Expression& expression) {
  switch (expression.kind) {
    case Kind::kReference:
      return expression.name;
    case Kind::kClass:
      if (is_single(expression)) return "\"" + ebnf_escape(expression.ranges[0].first) + "\"";
      return write_class(expression.ranges, ebnf_escape);
    case Kind::kRepeat:
      return "(" + to_ebnf(expression.children[0]) + ")" + write_bounds(expression);
    case Kind::kSequence: {
      if (expression.children.empty()) return "\"\"";
      std::string text;
      for (size_t i = 0; i < expression.children.size(); ++i) {
        // Runs of single characters as one literal: fewer states for XGrammar to merge.
        if (is_single(expression.children[i])) {
          text += i > 0 ? " \"" : "\"";
          for (; i < expression.children.size() && is_single(expression.children[i]); ++i)
            text += ebnf_escape(expression.children[i].ranges[0].first);
          --i;
          text += "\"";
          continue;
        }
        if (i > 0) text += " ";
        text += "(" + to_ebnf(expression.children[i]) + ")";
      }
      return text;
    }
    case Kind::kChoice: {
      std::string text;
      for (const Expression& child : expression.children) {
        if (!text.empty()) text += " | ";
        text += to_ebnf(child);
      }
      return "(" + text + ")";
    }
  }
  return {};
}

std::string to_regex(const Expression& expression) {
  switch (expression.kind) {
    case Kind::kReference:
      PT_CHECK(false);
    case Kind::kClass:
      if (is_single(expression)) return regex_escape(expression.ranges[0].first);
      return write_class(expression.ranges, regex_escape);
    case Kind::kRepeat:
      if (const std::string child = to_regex(expression.children[0]); !child.empty())
        return "(?:" + child + ")" + write_bounds(expression);
      return {};
    case Kind::kSequence: {
      std::string text;
      for (const Expression& child : expression.children) text += to_regex(child);
      return text;
    }
    case Kind::kChoice: {
      std::string text;
      bool optional = false;  // one of them is the empty text
      for (const Expression& child : expression.children) {
        const std::string branch = to_regex(child);
        optional |= branch.empty();
        if (!branch.empty()) text += (text.empty() ? "" : "|") + branch;
      }
      if (text.empty()) return {};
      return "(?:" + text + (optional ? ")?" : ")");
    }
  }
  return {};
}

}  // namespace pingti
