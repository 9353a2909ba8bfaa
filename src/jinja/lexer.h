// Template source to tokens, with the whitespace rules of jinja2 under trim_blocks and lstrip_blocks.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pingti::jinja {

enum class TokenKind {
  kData,
  kPrintBegin,  // {{
  kPrintEnd,
  kBlockBegin,  // {%
  kBlockEnd,
  kName,
  kString,  // text: unescaped
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;
  int line = 1;
  int64_t integer = 0;
  double real = 0;
};

// Ends with a kEnd token. Throws Failure (syntax).
std::vector<Token> tokenize(std::string_view source);

std::string describe(const Token& token);

}  // namespace pingti::jinja
