#include "text/sentencepiece_normalizer.h"

#include <algorithm>
#include <cstring>

#include "text/utf8.h"

namespace pingti {
namespace {

// Fields of a Darts double-array unit.
bool has_leaf(uint32_t unit) { return unit >> 8 & 1; }
uint32_t value(uint32_t unit) { return unit & 0x7FFFFFFF; }
uint32_t label(uint32_t unit) { return unit & (0x80000000 | 0xFF); }
uint32_t offset(uint32_t unit) { return unit >> 10 << ((unit & 0x200) >> 6); }

}  // namespace

std::string mark_spaces(std::string_view text) {
  std::string marked;
  for (const char c : text) c == ' ' ? marked += kSpaceMark : marked += c;
  return marked;
}

Result<CharacterMap> CharacterMap::parse(std::string_view bytes) {
  CharacterMap map;
  if (bytes.empty()) return map;
  uint32_t trie_bytes = 0;
  if (bytes.size() >= 4) std::memcpy(&trie_bytes, bytes.data(), 4);
  if (trie_bytes == 0 || trie_bytes % 4 != 0 || trie_bytes > bytes.size() - 4 || bytes.back() != '\0') {
    return fail(ErrorKind::kInvalid, "vocab.malformed",
                "precompiled_charsmap has " + std::to_string(bytes.size()) + " bytes and states a trie of " +
                    std::to_string(trie_bytes) + "; wanted a multiple of 4 within it and a zero at the end");
  }
  map.units_.resize(trie_bytes / 4);
  std::memcpy(map.units_.data(), bytes.data() + 4, trie_bytes);
  map.replacements_ = bytes.substr(4 + trie_bytes);
  return map;
}

CharacterMap::Mapped CharacterMap::map_prefix(std::string_view text) const {
  Mapped best;
  if (units_.empty()) return best;
  uint32_t node = offset(units_[0]);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    node ^= byte;
    if (byte == 0 || node >= units_.size() || label(units_[node]) != byte) break;
    const bool leaf = has_leaf(units_[node]);
    node ^= offset(units_[node]);
    if (!leaf) continue;
    if (node >= units_.size()) break;
    const uint32_t start = value(units_[node]);
    if (start < replacements_.size()) best = {replacements_.c_str() + start, i + 1};
  }
  return best;
}

Result<SentencePieceNormalizer> SentencePieceNormalizer::create(const Vocab& vocab) {
  SentencePieceNormalizer normalizer;
  PT_TRY(normalizer.map_, CharacterMap::parse(vocab.precompiled_charsmap));
  normalizer.add_space_prefix_ = vocab.add_space_prefix;
  normalizer.remove_extra_spaces_ = vocab.remove_extra_whitespaces;
  return normalizer;
}

std::string SentencePieceNormalizer::map_characters(std::string_view text) const {
  std::string mapped;
  mapped.reserve(text.size());
  while (!text.empty()) {
    const CharacterMap::Mapped found = map_.map_prefix(text);
    const size_t consumed = found.consumed ? found.consumed : decode_utf8(text).length;
    mapped += found.consumed ? found.text : text.substr(0, consumed);
    text.remove_prefix(consumed);
  }
  return mapped;
}

std::string SentencePieceNormalizer::normalize(std::string_view text) const {
  std::string mapped;
  if (!map_.empty()) text = mapped = map_characters(text);
  if (remove_extra_spaces_) text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  if (text.empty()) return {};
  std::string out;
  out.reserve(text.size() + text.size() / 2);
  if (add_space_prefix_) out += kSpaceMark;
  bool after_space = false;
  for (const char c : text) {
    if (c != ' ') {
      out.push_back(c);
    } else if (!after_space || !remove_extra_spaces_) {
      out += kSpaceMark;
    }
    after_space = c == ' ';
  }
  // Space marks that the text spells itself go, too, as in SentencePiece.
  while (remove_extra_spaces_ && out.ends_with(kSpaceMark)) out.resize(out.size() - kSpaceMark.size());
  return out;
}

}  // namespace pingti
