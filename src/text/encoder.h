// One kind of vocabulary at work: ordinary text (no special tokens in it) to ids. Immutable; any thread may
// call. A new kind is one file and one row of kEncoders in tokenizer.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/vocab.h"

namespace pingti {

class Encoder {
 public:
  virtual ~Encoder() = default;
  // Appends the ids of one non-empty stretch between special tokens.
  virtual void encode(std::string_view text, std::vector<int32_t>& ids) const = 0;
  // The bytes that an ordinary token stands for.
  virtual std::string bytes_of(std::string_view spelling, TokenType type) const = 0;
};

inline TokenType token_type(const Vocab& vocab, size_t id) {
  return vocab.types.empty() ? TokenType::kNormal : static_cast<TokenType>(vocab.types[id]);
}

}  // namespace pingti
