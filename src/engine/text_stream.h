// A choice's tokens as the text its reader sees: whole characters only, ending before any stop string.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/stop_matcher.h"
#include "text/detokenizer.h"

namespace pingti {

class TextStream {
 public:
  TextStream(const Tokenizer& tokenizer, const std::vector<std::string>& stops, bool skip_special = true)
      : detokenizer_(tokenizer, skip_special), stops_(stops) {}

  // Text that became certain with this token.
  std::string push(int32_t token) { return stops_.push(detokenizer_.push(token)); }

  // The answer is over without a stop string: what was held back. A stop string may still be completed by
  // it; then matched() says so.
  std::string finish() {
    std::string text = stops_.push(detokenizer_.finish());
    if (!stops_.matched()) text += stops_.finish();
    return text;
  }

  const std::optional<std::string>& matched() const { return stops_.matched(); }

 private:
  Detokenizer detokenizer_;
  StopMatcher stops_;
};

}  // namespace pingti
