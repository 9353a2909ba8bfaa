// Reads a text whose end may not have come yet.
#pragma once

#include <cstddef>
#include <string_view>

namespace pingti::wire {

enum class Match { kYes, kNo, kMore };  // kMore: the text ends before it can be told

struct TextCursor {
  std::string_view text;
  size_t at = 0;

  void skip_space() {
    while (at < text.size() && std::string_view(" \n\r\t").contains(text[at])) ++at;
  }
  bool at_end() const { return at >= text.size(); }
  char peek() const { return text[at]; }

  // Steps over the literal if it is next.
  Match take(std::string_view literal) {
    const std::string_view rest = text.substr(at);
    if (rest.starts_with(literal)) {
      at += literal.size();
      return Match::kYes;
    }
    return literal.starts_with(rest) ? Match::kMore : Match::kNo;
  }
};

}  // namespace pingti::wire
