// The text after which a constraint begins, found in a stream of tokens.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pingti {

class Tokenizer;

// Immutable; any thread.
class StartMarker {
 public:
  // text: not empty.
  StartMarker(std::string text, const Tokenizer& tokenizer, int vocab);

  const std::string& text() const { return text_; }
  size_t length() const { return text_.size(); }
  // Bytes of the text that the answer ends with, after this token; length(): the text is said.
  size_t follow(size_t matched, int32_t token) const;
  // Tokens that may come next: not the end tokens, and none that runs beyond the text.
  std::span<const uint32_t> mask(size_t matched) const { return masks_[matched]; }

 private:
  // Where the text ends within `bytes`: how many are used then; npos where it does not. matched: updated.
  size_t scan(size_t* matched, std::string_view bytes) const;

  std::string text_;
  std::vector<size_t> failure_;  // Knuth, Morris and Pratt
  const Tokenizer* tokenizer_;
  std::vector<std::vector<uint32_t>> masks_;  // [matched]
};

}  // namespace pingti
