// A vocabulary of the 256 bytes and an end token, and what a spec says to a text with it.
#pragma once

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "grammar/output_grammar.h"
#include "text/tokenizer.h"

namespace pingti::testing {

constexpr int kByteVocab = 257;
constexpr int32_t kByteEnd = 256;

// Byte-level BPE without merges: one token a byte. ids_[byte] is its token.
struct ByteWords {
  ByteWords() {
    Vocab vocab{.model = "gpt2", .pre = "gpt-2"};
    int extra = 256;
    for (int byte = 0; byte < 256; ++byte) {
      const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
      const int code = printable ? byte : extra++;
      vocab.tokens.push_back(code < 0x80 ? std::string(1, static_cast<char>(code))
                                         : std::string{static_cast<char>(0xC0 | code >> 6),
                                                       static_cast<char>(0x80 | (code & 0x3F))});
      vocab.types.push_back(static_cast<int32_t>(TokenType::kNormal));
    }
    vocab.tokens.push_back("<|end|>");
    vocab.types.push_back(static_cast<int32_t>(TokenType::kControl));
    vocab.eos = kByteEnd;
    tokenizer = *Tokenizer::create(std::move(vocab));
  }
  std::unique_ptr<Tokenizer> tokenizer;
};

inline const Tokenizer& byte_tokenizer() {
  static const ByteWords words;
  return *words.tokenizer;
}

inline GrammarCompiler& byte_compiler() {
  static GrammarCompiler compiler(byte_tokenizer(), kByteVocab);
  return compiler;
}

inline std::shared_ptr<const OutputConstraint> compiled(const OutputSpec& spec,
                                                        std::string_view start_after = {}) {
  auto constraint = byte_compiler().compile(spec, start_after);
  EXPECT_TRUE(constraint) << spec.text << ": " << constraint.error().error.to_string() << " at "
                          << constraint.error().path;
  return constraint ? *constraint : nullptr;
}

inline bool allows(std::span<const uint32_t> mask, int32_t token) {
  return (mask[static_cast<size_t>(token) / 32] >> (token % 32) & 1) != 0;
}

// Whether the text is one that the spec describes, by masks alone.
inline bool accepts(const OutputSpec& spec, std::string_view text) {
  const auto constraint = compiled(spec);
  if (!constraint) return false;
  OutputMatcher matcher(constraint);
  MaskStats stats;
  for (const char c : text) {
    matcher.prepare({}, &stats);
    const auto token = static_cast<int32_t>(static_cast<unsigned char>(c));
    if (!allows(matcher.mask(0), token)) return false;
    EXPECT_TRUE(matcher.accept(token));
  }
  matcher.prepare({}, &stats);
  return allows(matcher.mask(0), kByteEnd);
}

// The same by accept() alone: quicker.
inline bool follows(const std::shared_ptr<const OutputConstraint>& constraint, std::string_view text) {
  OutputMatcher matcher(constraint);
  for (const char c : text) {
    if (!matcher.accept(static_cast<unsigned char>(c))) return false;
  }
  return matcher.accept(kByteEnd);
}

// A text of tokens drawn evenly from what is allowed; cut at `most`.
inline std::string random_text(const OutputSpec& spec, uint32_t seed, size_t most, bool* ended) {
  const auto constraint = compiled(spec);
  OutputMatcher matcher(constraint);
  MaskStats stats;
  std::mt19937 random(seed);
  std::string text;
  *ended = false;
  while (text.size() < most) {
    matcher.prepare({}, &stats);
    std::vector<int32_t> tokens;
    for (int32_t token = 0; token < kByteVocab; ++token) {
      if (allows(matcher.mask(0), token)) tokens.push_back(token);
    }
    if (tokens.empty()) {
      ADD_FAILURE() << "nothing is allowed after: " << text;
      return text;
    }
    const int32_t token = tokens[random() % tokens.size()];
    EXPECT_TRUE(matcher.accept(token));
    if (token == kByteEnd) {
      EXPECT_TRUE(matcher.finished());
      *ended = true;
      return text;
    }
    text += static_cast<char>(token);
  }
  return text;
}

inline OutputSpec schema_spec(std::string text) {
  return {.kind = OutputKind::kJsonSchema, .text = std::move(text)};
}
inline OutputSpec regex_spec(std::string text) {
  return {.kind = OutputKind::kRegex, .text = std::move(text)};
}
inline OutputSpec grammar_spec(std::string text) {
  return {.kind = OutputKind::kGrammar, .text = std::move(text)};
}

}  // namespace pingti::testing
