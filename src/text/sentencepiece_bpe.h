// SentencePiece BPE: characters as first symbols, merges ordered by the merged token's score (or by the
// file's merges where it lists them), byte tokens for characters that the vocabulary lacks.
#pragma once

#include <array>
#include <memory>

#include "base/result.h"
#include "text/byte_tokens.h"
#include "text/encoder.h"
#include "text/merge_table.h"
#include "text/sentencepiece_normalizer.h"
#include "text/whole_words.h"

namespace pingti {

class SentencePieceBpe final : public Encoder {
 public:
  // The vocabulary must outlive the encoder.
  static Result<std::unique_ptr<Encoder>> create(const Vocab& vocab);

  void encode(std::string_view text, std::vector<int32_t>& ids) const override;
  std::string bytes_of(std::string_view spelling, TokenType type) const override;

 private:
  SentencePieceBpe(const Vocab& vocab, SentencePieceNormalizer normalizer);
  size_t word_end(std::string_view text, size_t begin) const;
  Merge look_up(std::string_view text, const Symbol& left, const Symbol& right) const;
  // before: how many ids there were when this stretch of text began.
  void encode_word(std::string_view word, size_t before, std::vector<Symbol>& symbols,
                   std::vector<int32_t>& ids) const;

  SentencePieceNormalizer normalizer_;
  std::vector<std::string> marked_;  // user-defined tokens with their spaces as marks: pieces_ points here
  StringTable pieces_;               // tokens that text can become
  MergeTable merges_;                // empty: scores order the merges
  std::vector<uint64_t> ranks_;      // per token, from its score; lowest first
  ByteTokens bytes_;
  int32_t unknown_;
  // Bytes that stand before a space mark inside some token. After any other byte a mark begins a word that
  // merges with nothing before it.
  std::array<bool, 256> before_marks_{};
  WholeWords whole_;
};

}  // namespace pingti
