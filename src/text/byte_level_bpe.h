// Byte-level BPE (Radford et al. 2019): words from a pre-tokenizer, bytes as first symbols, ranked merges.
// A byte that the vocabulary lacks is dropped, as the original tokenizers do.
#pragma once

#include <array>
#include <memory>

#include "base/result.h"
#include "text/encoder.h"
#include "text/merge_table.h"
#include "text/pretokenizer.h"
#include "text/whole_words.h"

namespace pingti {

class ByteLevelBpe final : public Encoder {
 public:
  // The vocabulary must outlive the encoder.
  static Result<std::unique_ptr<Encoder>> create(const Vocab& vocab);

  void encode(std::string_view text, std::vector<int32_t>& ids) const override;
  std::string bytes_of(std::string_view spelling, TokenType type) const override;

 private:
  ByteLevelBpe(const Vocab& vocab, const PretokenizerKind& kind, Pretokenizer pretokenizer, MergeTable merges,
               const StringTable& spelling);
  void encode_word(std::string_view word, std::vector<Symbol>& symbols, std::vector<int32_t>& ids) const;
  void merge(std::string_view word, std::vector<Symbol>& symbols) const;

  Pretokenizer pretokenizer_;
  bool nfc_;
  bool ignore_merges_;
  MergeTable merges_;
  std::array<int32_t, 256> byte_ids_;
  std::vector<std::string> word_bytes_;  // what words_ points into
  StringTable words_;                    // ordinary tokens by their bytes
  WholeWords whole_;
};

}  // namespace pingti
