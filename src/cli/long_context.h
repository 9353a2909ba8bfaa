// Tests of what a model finds in a long context, for comparing full attention with less: passkey retrieval
// (Mohtashami and Jaggi, arXiv 2305.16300) and the most frequent words of a list (RULER's frequent words,
// arXiv 2404.06654), which needs many places at once where a passkey needs one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/model.h"
#include "text/tokenizer.h"

namespace pingti {

// A prompt to be continued, and what the continuation must contain.
struct LongContextTask {
  std::string prompt;
  std::vector<std::string> answers;
  int answer_tokens = 0;  // to generate
};

// A prompt of at most `length` tokens, the answer to come included, made of `seed` alone. depth: where the
// key stands, 0 (at the beginning) to 1. haystack: text around it; empty: five short sentences over and over.
LongContextTask make_passkey_task(const Tokenizer& tokenizer, int length, double depth, uint32_t seed,
                                  std::string_view haystack);
// Made-up words, of which three are three times as frequent as any other.
LongContextTask make_frequent_words_task(const Tokenizer& tokenizer, int length, uint32_t seed);

// The share of the answers that the text contains as whole words.
double score(const LongContextTask& task, std::string_view text);

// The most likely continuation, up to an end-of-generation token.
Result<std::string> most_likely_answer(Model& model, const Tokenizer& tokenizer, const LongContextTask& task);

}  // namespace pingti
