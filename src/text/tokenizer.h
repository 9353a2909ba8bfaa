// Text to token ids and back, exactly as the model's original tokenizer does it.
//
// A Tokenizer owns its vocabulary and is immutable after create(): any thread may call it. Text is UTF-8;
// bytes that are not valid UTF-8 are kept by byte-level vocabularies (decode(encode(x)) == x) and by
// SentencePiece vocabularies with byte tokens.
//
// Kinds: byte-level BPE (GPT-2 and after), SentencePiece BPE (Kudo and Richardson 2018, scores or ranks
// order the merges), unigram (Kudo 2018, best path by Viterbi).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/vocab.h"

namespace pingti {

struct EncodeOptions {
  bool add_special = true;    // put bos and eos where the model asks for them
  bool parse_special = true;  // a control token spelled out in the text becomes that token
};

class Tokenizer {
 public:
  // Errors: "vocab.unsupported_model", "vocab.unsupported_pre", "vocab.malformed".
  static Result<std::unique_ptr<Tokenizer>> create(Vocab vocab);
  ~Tokenizer();
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  std::vector<int32_t> encode(std::string_view utf8, EncodeOptions options = {}) const;

  // The bytes that ids stand for; may end in the middle of a character (see Detokenizer). Ids outside the
  // vocabulary stand for nothing. skip_special leaves out control tokens.
  std::string decode(std::span<const int32_t> ids, bool skip_special = false) const;

  // What one token stands for: raw bytes; a control token's own spelling; empty for ids out of range.
  // The view lives as long as the tokenizer.
  std::string_view token_bytes(int32_t id) const;

  // Id of the token spelled exactly so in the vocabulary ("<|im_end|>"), or -1.
  int32_t find_token(std::string_view spelling) const;

  bool is_control(int32_t id) const;
  // Ids after which a model has nothing more to say: eos, eot, eom and what else ends a turn in the field.
  bool is_end_of_generation(int32_t id) const;
  std::span<const int32_t> end_of_generation_ids() const;  // ascending

  // True if a text's first token carries a space that decode takes off again (SentencePiece).
  bool strips_leading_space() const;

  const Vocab& vocab() const;
  int32_t size() const;

  struct State;

 private:
  explicit Tokenizer(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

}  // namespace pingti
