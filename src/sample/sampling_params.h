// How tokens are drawn. Names, ranges and order of application follow llama-server; the OpenAI API's are a
// subset.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace pingti {

struct SamplingParams {
  float temperature = 1.0f;         // 0: greedy (the most likely token; the lowest id wins a tie)
  int top_k = 0;                    // keep the k most likely; 0: all
  float top_p = 1.0f;               // keep the smallest set whose probabilities reach top_p
  float min_p = 0.0f;               // keep tokens at least min_p times as likely as the most likely
  float typical_p = 1.0f;           // locally typical sampling (arXiv 2202.00666); 1: off
  float repetition_penalty = 1.0f;  // divides positive, multiplies negative logits of tokens seen; 1: off
  float presence_penalty = 0.0f;    // subtracted once for a token seen
  float frequency_penalty = 0.0f;   // subtracted per occurrence
  int penalty_last_n = -1;          // tokens of history the three penalties look at; -1: all, 0: off

  // "Don't repeat yourself": multiplier * base^(match length - allowed_length) is subtracted from a token
  // that would extend a repetition of at least allowed_length tokens of history.
  float dry_multiplier = 0.0f;  // 0: off
  float dry_base = 1.75f;
  int dry_allowed_length = 2;
  int dry_penalty_last_n = -1;
  std::vector<std::vector<int32_t>> dry_sequence_breakers;  // token sequences a repetition cannot cross

  // Exclude top choices: with this probability, all but the least likely of the tokens above the threshold
  // go.
  float xtc_probability = 0.0f;  // 0: off
  float xtc_threshold = 0.1f;

  std::vector<int32_t> allowed_tokens;  // only these may be drawn; empty: all
  std::vector<int32_t> barred_tokens;   // may not be drawn before position barred_before
  int64_t barred_before = 0;

  std::vector<std::pair<int32_t, float>> logit_bias;  // added before everything else; -100 bans, 100 forces
  uint64_t seed = 0;  // position p of choice c is drawn with randomness made from (seed, c, p) alone
};

// Refuses values outside their ranges, naming the field, the value and the range ("sampling.range").
Result<void> validate(const SamplingParams& params, int64_t vocab);

}  // namespace pingti
