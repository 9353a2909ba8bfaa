// Changes to the logits of single tokens, from the request and from what was said before. Each touches only
// the tokens concerned, never the whole vocabulary. `history` is prompt and answer so far, oldest first; ids
// outside the vocabulary are ignored.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sample/sampling_params.h"

namespace pingti {

void apply_bias(const SamplingParams& params, std::span<float> logits);

// Repetition penalty (CTRL, arXiv 1909.05858), then presence and frequency penalties (OpenAI's formula:
// logit -= count * frequency_penalty + (count > 0) * presence_penalty), over the last penalty_last_n tokens.
class RepetitionPenalties {
 public:
  void apply(const SamplingParams& params, std::span<const int32_t> history, std::span<float> logits);

 private:
  std::vector<int32_t> counts_;  // [vocabulary], all zero between calls
  std::vector<int32_t> seen_;
};

// DRY (text-generation-webui pull request 5677). Linear in the window by the Z algorithm.
class DryPenalty {
 public:
  void apply(const SamplingParams& params, std::span<const int32_t> history, std::span<float> logits);

 private:
  void find_matches(std::span<const int32_t> window, int limit);

  std::vector<int32_t> matches_;  // [i]: tokens the window's end repeats from i places earlier
  std::vector<std::pair<int32_t, int32_t>> longest_;  // (token, match it would extend)
};

}  // namespace pingti
