// A model's vocabulary as plain data, the way GGUF's tokenizer.ggml.* keys describe it.
// Nothing here is checked; Tokenizer::create does that.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pingti {

// GGUF's token types.
enum class TokenType : int32_t {
  kUndefined = 0,
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6,
};

struct Vocab {
  std::string model;  // "gpt2": byte-level BPE; "llama", "gemma4": SentencePiece BPE; "t5": unigram
  std::string pre;    // which pre-tokenizer, for byte-level BPE: "llama-bpe", "qwen2", ...

  std::vector<std::string> tokens;  // as stored: byte-level BPE in its printable alphabet, others with U+2581
  std::vector<float> scores;        // one per token, or empty
  std::vector<int32_t> types;       // TokenType, one per token, or empty (all normal)
  std::vector<std::string> merges;  // "left right", best first

  // Ids, -1 where the model has none.
  int32_t bos = -1;
  int32_t eos = -1;
  int32_t eot = -1;  // end of a turn
  int32_t eom = -1;  // end of a message that expects a tool's answer
  int32_t unk = -1;
  int32_t sep = -1;
  int32_t pad = -1;
  int32_t mask = -1;
  int32_t fim_prefix = -1;
  int32_t fim_suffix = -1;
  int32_t fim_middle = -1;
  int32_t fim_pad = -1;
  int32_t fim_repo = -1;
  int32_t fim_separator = -1;

  bool add_bos = false;
  bool add_eos = false;
  bool add_space_prefix = true;           // SentencePiece kinds only
  bool remove_extra_whitespaces = false;  // unigram only
  bool ignore_merges = false;        // byte-level BPE: a word that is a token stays one (or `pre` says so)
  std::string precompiled_charsmap;  // SentencePiece's normalization trie; empty: no normalization

  std::string chat_template;
};

// What the kind named by tokenizer.ggml.model and .pre means where a file says nothing more: special ids and
// add_* as the field's converters left them out.
Vocab default_vocab(std::string model, std::string pre);

}  // namespace pingti
