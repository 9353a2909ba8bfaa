// SentencePiece's normalization (Kudo and Richardson 2018): an optional character map, spaces to U+2581, a
// leading space, surplus spaces removed. Immutable; any thread may call it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/vocab.h"

namespace pingti {

inline constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581

// Spaces as marks. Files store user-defined tokens with spaces; text has marks by the time it is merged.
std::string mark_spaces(std::string_view text);

// SentencePiece's precompiled map of character sequences: a double-array trie and the replacements.
class CharacterMap {
 public:
  CharacterMap() = default;  // maps nothing
  // Error: "vocab.malformed".
  static Result<CharacterMap> parse(std::string_view bytes);

  struct Mapped {
    std::string_view text;
    size_t consumed = 0;  // 0: nothing in the map starts here
  };
  // The longest sequence in the map that text starts with.
  Mapped map_prefix(std::string_view text) const;
  bool empty() const { return units_.empty(); }

 private:
  std::vector<uint32_t> units_;
  std::string replacements_;
};

class SentencePieceNormalizer {
 public:
  static Result<SentencePieceNormalizer> create(const Vocab& vocab);
  std::string normalize(std::string_view text) const;

 private:
  std::string map_characters(std::string_view text) const;

  CharacterMap map_;
  bool add_space_prefix_ = true;
  bool remove_extra_spaces_ = false;
};

}  // namespace pingti
