// Tokens to text, one at a time, for streaming.
//
// push() returns the text that is certain so far: never half a UTF-8 character. Bytes that cannot become a
// valid character any more come out as U+FFFD. finish() flushes what is left. The concatenation of all
// returned pieces equals Tokenizer::decode of the same ids with malformed bytes replaced.
// One thread at a time; the tokenizer must outlive it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "text/tokenizer.h"

namespace pingti {

// Gathers bytes and releases whole characters; malformed sequences become U+FFFD (maximal-subpart rule of
// the Unicode Standard, section 3.9).
class Utf8Stream {
 public:
  std::string push(std::string_view bytes);
  std::string finish();

 private:
  std::string pending_;  // the beginning of a character: at most 3 bytes
};

class Detokenizer {
 public:
  // continues: the ids follow earlier text, so a SentencePiece leading space is kept.
  explicit Detokenizer(const Tokenizer& tokenizer, bool skip_special = true, bool continues = true);

  // show: the spelling of a control token too.
  std::string push(int32_t id, bool show = false);
  std::string finish();

 private:
  const Tokenizer* tokenizer_;
  bool skip_special_;
  bool strip_space_;  // the next text begins the whole text
  Utf8Stream utf8_;
};

}  // namespace pingti
