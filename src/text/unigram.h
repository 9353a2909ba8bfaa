// Unigram language model (Kudo 2018): the most probable segmentation, by Viterbi over a trie of tokens.
#pragma once

#include <memory>

#include "base/result.h"
#include "text/byte_tokens.h"
#include "text/encoder.h"
#include "text/sentencepiece_normalizer.h"
#include "text/trie.h"

namespace pingti {

class Unigram final : public Encoder {
 public:
  // The vocabulary must outlive the encoder.
  static Result<std::unique_ptr<Encoder>> create(const Vocab& vocab);

  void encode(std::string_view text, std::vector<int32_t>& ids) const override;
  std::string bytes_of(std::string_view spelling, TokenType type) const override;

 private:
  // The best way to reach a position: its last piece. id -1: an unknown character.
  struct Best {
    float score = 0;
    int32_t id = -1;
    uint32_t begin = kUnreached;
  };
  static constexpr uint32_t kUnreached = ~uint32_t{0};

  Unigram(const Vocab& vocab, SentencePieceNormalizer normalizer);
  std::vector<Best> search(std::string_view text) const;

  const Vocab& vocab_;
  SentencePieceNormalizer normalizer_;
  Trie pieces_;
  ByteTokens bytes_;
  float user_defined_score_ = 0;  // per byte of the token
  float unknown_score_ = 0;
};

}  // namespace pingti
