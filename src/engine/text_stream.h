// A choice's tokens as the text its reader sees: whole characters only, ending before any stop string.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/stop_matcher.h"
#include "text/detokenizer.h"

namespace pingti {

class TextStream {
 public:
  // shown: control tokens whose spelling is text, beside skip_special, which leaves out the others; it
  // outlives the stream.
  TextStream(const Tokenizer& tokenizer, const std::vector<std::string>& stops,
             const std::vector<int32_t>& shown, bool skip_special = true)
      : detokenizer_(tokenizer, skip_special), stops_(stops), shown_(&shown) {}

  // Text that became certain with this token. stops_apply: stop strings are looked for.
  std::string push(int32_t token, bool stops_apply = true) {
    const bool show = !shown_->empty() && std::ranges::find(*shown_, token) != shown_->end();
    const std::string text = detokenizer_.push(token, show);
    return stops_apply ? stops_.push(text) : stops_.restart() + text;
  }

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
  const std::vector<int32_t>* shown_;
};

}  // namespace pingti
