// For tests and fuzzing: a vocabulary of each kind, small enough to read.
#pragma once

#include <string>

#include "text/byte_alphabet.h"
#include "text/vocab.h"

namespace pingti {

inline void add_token(Vocab& vocab, std::string token, TokenType type, float score = 0) {
  vocab.tokens.push_back(std::move(token));
  vocab.types.push_back(static_cast<int32_t>(type));
  vocab.scores.push_back(score);
}

inline void add_special_tokens(Vocab& vocab) {
  for (const char* token : {"<|im_start|>", "<|im_end|>", "<|im"})
    add_token(vocab, token, TokenType::kControl);
  for (const char* token : {"<tool>", "\t\t"}) add_token(vocab, token, TokenType::kUserDefined);
}

// All 256 bytes, a few merges, special tokens.
inline Vocab small_byte_level_vocab(std::string pre) {
  Vocab vocab = default_vocab("gpt2", std::move(pre));
  for (const char32_t letter : kByteAlphabet) {
    std::string token;
    append_utf8(token, letter);
    add_token(vocab, token, TokenType::kNormal);
  }
  for (const char* merge :
       {"h e", "l l", "he ll", "hell o", "Ġ hello", "a a", "aa aa", "Ġ Ġ", "ĠĠ ĠĠ", "Ċ Ċ", "Ã ©"}) {
    vocab.merges.emplace_back(merge);
    std::string token = merge;
    token.erase(token.find(' ', 1), 1);
    add_token(vocab, token, TokenType::kNormal);
  }
  add_special_tokens(vocab);
  return vocab;
}

// model: "llama" or "t5".
inline Vocab small_sentencepiece_vocab(const std::string& model, bool byte_tokens) {
  Vocab vocab = default_vocab(model, "");
  vocab.bos = 1, vocab.eos = 2, vocab.unk = 0;
  add_token(vocab, "<unk>", TokenType::kUnknown);
  add_token(vocab, "<s>", TokenType::kControl);
  add_token(vocab, "</s>", TokenType::kControl);
  for (int byte = 0; byte_tokens && byte < 256; ++byte) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    add_token(vocab, std::string("<0x") + kDigits[byte / 16] + kDigits[byte % 16] + ">", TokenType::kByte);
  }
  float score = -1;
  for (const char* piece :
       {"▁he", "ll", "▁hell", "▁hello", "aa", "aaaa", "▁▁", "é", "▁", "h", "e", "l", "o", "a", "b"}) {
    add_token(vocab, piece, TokenType::kNormal, score--);
  }
  add_special_tokens(vocab);
  return vocab;
}

}  // namespace pingti
