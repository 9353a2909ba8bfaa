// Byte fallback of the SentencePiece kinds: tokens spelled <0x00> ... <0xFF>.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/encoder.h"

namespace pingti {

// The byte that a spelling such as "<0x0A>" names.
std::optional<uint8_t> parse_byte_token(std::string_view spelling);

// The bytes that a SentencePiece token stands for: a byte token's byte, or the spelling with its space marks
// (U+2581) as spaces.
std::string sentencepiece_bytes(std::string_view spelling, TokenType type);

class ByteTokens {
 public:
  explicit ByteTokens(const Vocab& vocab);
  // Appends one token per byte or, where the vocabulary lacks one of them, `unknown`: once for a run of such
  // characters since ids[begin], not at all if it is -1.
  void append(std::string_view bytes, int32_t unknown, size_t begin, std::vector<int32_t>& ids) const;

 private:
  std::array<int32_t, 256> ids_;
};

}  // namespace pingti
