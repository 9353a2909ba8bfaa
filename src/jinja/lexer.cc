#include "jinja/lexer.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>

#include "jinja/failure.h"
#include "jinja/literals.h"
#include "jinja/text.h"

namespace pingti::jinja {
namespace {

constexpr size_t kNone = std::string_view::npos;

std::string normalize(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) root();
    push(TokenKind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  std::string_view rest() const { return source_.substr(at_); }
  bool ahead(std::string_view text) const { return rest().starts_with(text); }

  void push(TokenKind kind, std::string text) { tokens_.push_back({kind, std::move(text), line_}); }

  void advance(size_t count) {
    const auto begin = source_.begin() + static_cast<std::ptrdiff_t>(at_);
    line_ += static_cast<int>(std::count(begin, begin + static_cast<std::ptrdiff_t>(count), '\n'));
    at_ += count;
  }

  void skip_space() { advance(rest().size() - strip_space(rest(), Side::kLeft).size()); }

  // The tag's own end: `%}` and what it takes along. Zero: the text here is no such end.
  size_t end_size(std::string_view end, bool plus_allowed, bool trims) const {
    const std::string_view text = rest();
    if (text.starts_with('-') && text.substr(1).starts_with(end)) {
      const std::string_view after = text.substr(1 + end.size());
      return 1 + end.size() + (after.size() - strip_space(after, Side::kLeft).size());
    }
    if (plus_allowed && text.starts_with('+') && text.substr(1).starts_with(end)) return 1 + end.size();
    if (!text.starts_with(end)) return 0;
    return end.size() + (trims && text.substr(end.size()).starts_with('\n') ? 1 : 0);
  }

  // What lies between the last token and a tag, less what the tag's sign strips.
  std::string_view data_before(std::string_view text, char sign, bool is_block) const {
    if (sign == '-') return strip_space(text, Side::kRight);
    if (sign == '+' || !is_block) return text;
    const size_t newline = text.rfind('\n');
    const size_t start = newline == kNone ? 0 : newline + 1;
    if (start == 0 && !line_starting_) return text;
    return strip_space(text.substr(start)).empty() ? text.substr(0, start) : text;
  }

  void emit_data(std::string_view text, char sign, bool is_block) {
    const std::string_view data = data_before(text, sign, is_block);
    if (!data.empty()) push(TokenKind::kData, std::string(data));
    advance(text.size());
  }

  void ended(size_t size) {
    line_starting_ = source_[at_ + size - 1] == '\n';
    advance(size);
  }

  size_t next_tag() const {
    for (size_t at = source_.find('{', at_); at != kNone; at = source_.find('{', at + 1)) {
      const char next = at + 1 < source_.size() ? source_[at + 1] : '\0';
      if (next == '%' || next == '{' || next == '#') return at;
    }
    return kNone;
  }

  void root() {
    const size_t tag = next_tag();
    if (tag == kNone) {
      push(TokenKind::kData, std::string(rest()));
      advance(rest().size());
      return;
    }
    const char kind = source_[tag + 1];
    const char sign = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
    emit_data(source_.substr(at_, tag - at_), sign, kind != '{');
    if (kind == '%' && raw_block()) return;
    advance(sign == '-' || sign == '+' ? 3 : 2);
    line_starting_ = false;
    if (kind == '#') {
      comment();
    } else {
      tag_body(kind == '%');
    }
  }

  void comment() {
    const int start = line_;
    while (at_ < source_.size()) {
      const size_t candidate = source_.find("#}", at_);
      if (candidate == kNone) break;
      const bool sign = candidate > at_ && (source_[candidate - 1] == '-' || source_[candidate - 1] == '+');
      advance(candidate - at_ - (sign ? 1 : 0));
      ended(end_size("#}", true, true));
      return;
    }
    throw_syntax("Missing end of comment tag", start);
  }

  // {% raw %} … {% endraw %}; false when no raw block starts here.
  bool raw_block() {
    std::string_view text = rest().substr(2);
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    text = strip_space(text, Side::kLeft);
    if (!text.starts_with("raw")) return false;
    text = strip_space(text.substr(3), Side::kLeft);
    const bool strips = text.starts_with("-%}");
    if (!strips && !text.starts_with("%}")) return false;
    text.remove_prefix(strips ? 3 : 2);
    if (strips) text = strip_space(text, Side::kLeft);
    ended(rest().size() - text.size());
    raw_body();
    return true;
  }

  void raw_body() {
    const int start = line_;
    for (size_t open = source_.find("{%", at_); open != kNone; open = source_.find("{%", open + 1)) {
      std::string_view text = source_.substr(open + 2);
      const char sign = text.empty() ? '\0' : text[0];
      if (sign == '-' || sign == '+') text.remove_prefix(1);
      text = strip_space(text, Side::kLeft);
      if (!text.starts_with("endraw")) continue;
      text = strip_space(text.substr(6), Side::kLeft);
      const bool ends = text.starts_with("%}") || text.starts_with("-%}") || text.starts_with("+%}");
      if (!ends) continue;
      emit_data(source_.substr(at_, open - at_), sign, true);
      advance(rest().size() - text.size());
      ended(end_size("%}", true, true));
      return;
    }
    throw_syntax("Missing end of raw directive", start);
  }

  void tag_body(bool block) {
    push(block ? TokenKind::kBlockBegin : TokenKind::kPrintBegin, "");
    std::string open;  // the closing brackets awaited
    while (true) {
      if (open.empty()) {
        if (const size_t size = end_size(block ? "%}" : "}}", block, block); size > 0) {
          push(block ? TokenKind::kBlockEnd : TokenKind::kPrintEnd, "");
          ended(size);
          return;
        }
      }
      skip_space_or_token(&open);
      if (at_ >= source_.size()) return;
    }
  }

  void skip_space_or_token(std::string* open) {
    if (at_ >= source_.size()) return;
    if (is_space(decode_at(source_, at_).value)) return skip_space();
    if (number() || name() || string()) return;
    op(open);
  }

  bool number() {
    const bool after_dot = at_ > 0 && source_[at_ - 1] == '.';
    Token token;
    token.line = line_;
    const size_t size = read_number(rest(), after_dot, &token);
    if (size == 0) return false;
    tokens_.push_back(std::move(token));
    advance(size);
    return true;
  }

  bool name() {
    size_t size = 0;
    while (at_ + size < source_.size()) {
      const CodePoint point = decode_at(source_, at_ + size);
      const bool start = point.value == '_' || is_alpha(point.value);
      if (!start && (size == 0 || !is_word(point.value))) break;
      size += point.size;
    }
    if (size == 0) return false;
    push(TokenKind::kName, std::string(rest().substr(0, size)));
    advance(size);
    return true;
  }

  bool string() {
    const char mark = source_[at_];
    if (mark != '\'' && mark != '"') return false;
    size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != mark) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) return false;
    push(TokenKind::kString, unescape(source_.substr(at_ + 1, end - at_ - 1), line_));
    advance(end + 1 - at_);
    return true;
  }

  void op(std::string* open) {
    static constexpr std::string_view kOperators[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                                      "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                                      ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};
    for (std::string_view candidate : kOperators) {
      if (!ahead(candidate)) continue;
      balance(candidate[0], open);
      push(TokenKind::kOperator, std::string(candidate));
      advance(candidate.size());
      return;
    }
    const size_t size = decode_at(source_, at_).size;
    throw_syntax(fmt::format("unexpected char '{}' at {}", std::string(rest().substr(0, size)), at_), line_);
  }

  void balance(char c, std::string* open) const {
    if (c == '(') *open += ')';
    if (c == '[') *open += ']';
    if (c == '{') *open += '}';
    if (c != ')' && c != ']' && c != '}') return;
    if (open->empty()) throw_syntax(fmt::format("unexpected '{}'", c), line_);
    if (open->back() != c)
      throw_syntax(fmt::format("unexpected '{}', expected '{}'", c, open->back()), line_);
    open->pop_back();
  }

  std::string_view source_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
  const std::string text = normalize(source);
  return Lexer(text).run();
}

std::string describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::kData:
      return "template data";
    case TokenKind::kPrintBegin:
      return "begin of print statement";
    case TokenKind::kPrintEnd:
      return "end of print statement";
    case TokenKind::kBlockBegin:
      return "begin of statement block";
    case TokenKind::kBlockEnd:
      return "end of statement block";
    case TokenKind::kString:
      return "string";
    case TokenKind::kInteger:
      return "integer";
    case TokenKind::kFloat:
      return "float";
    case TokenKind::kEnd:
      return "end of template";
    default:
      return token.text;
  }
}

}  // namespace pingti::jinja
