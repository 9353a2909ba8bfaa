#include "text/byte_tokens.h"

#include <algorithm>
#include <charconv>

#include "text/sentencepiece_normalizer.h"

namespace pingti {

std::optional<uint8_t> parse_byte_token(std::string_view spelling) {
  if (spelling.size() != 6 || !spelling.starts_with("<0x") || spelling[5] != '>') return std::nullopt;
  uint8_t byte = 0;
  const auto [end, error] = std::from_chars(spelling.data() + 3, spelling.data() + 5, byte, 16);
  if (error != std::errc{} || end != spelling.data() + 5) return std::nullopt;
  return byte;
}

std::string sentencepiece_bytes(std::string_view spelling, TokenType type) {
  if (const auto byte = parse_byte_token(spelling); byte && type == TokenType::kByte) {
    return std::string(1, static_cast<char>(*byte));
  }
  std::string bytes;
  while (!spelling.empty()) {
    const bool mark = spelling.starts_with(kSpaceMark);
    bytes.push_back(mark ? ' ' : spelling[0]);
    spelling.remove_prefix(mark ? kSpaceMark.size() : 1);
  }
  return bytes;
}

ByteTokens::ByteTokens(const Vocab& vocab) {
  ids_.fill(-1);
  for (size_t id = 0; id < vocab.tokens.size(); ++id) {
    if (token_type(vocab, id) != TokenType::kByte) continue;
    if (const auto byte = parse_byte_token(vocab.tokens[id])) ids_[*byte] = static_cast<int32_t>(id);
  }
}

void ByteTokens::append(std::string_view bytes, int32_t unknown, size_t begin,
                        std::vector<int32_t>& ids) const {
  const auto id_of = [this](char c) { return ids_[static_cast<uint8_t>(c)]; };
  if (std::ranges::all_of(bytes, [&](char c) { return id_of(c) >= 0; })) {
    for (const char c : bytes) ids.push_back(id_of(c));
  } else if (unknown >= 0 && (ids.size() == begin || ids.back() != unknown)) {
    ids.push_back(unknown);
  }
}

}  // namespace pingti
