// Draws one token from logits.
//
// Order of application, as in llama.cpp's default chain: logit bias, repetition, presence and frequency
// penalties, DRY, allowed and barred tokens, token mask, top-k, locally typical, top-p, min-p, XTC,
// temperature, draw. Temperature 0 takes the most likely token after the mask (the lowest id of a tie).
//
// The draw of position p of choice c depends on (seed, c, p), the logits and the history given and, where two
// tokens all but tie, the instruction set; on nothing else: a Sampler keeps memory between calls, but no
// state. One thread at a time per Sampler; logprobs() needs none.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "sample/logit_scan.h"
#include "sample/penalties.h"
#include "sample/sampling_params.h"

namespace pingti {

struct TokenLogprob {
  int32_t token = 0;
  float logprob = 0;                           // natural logarithm; -inf for a logit of -inf
  std::vector<std::pair<int32_t, float>> top;  // (token, logprob), most likely first
};

class Sampler {
 public:
  // params are valid (validate()); params.seed is ignored in favour of `seed`. kernels: of static lifetime,
  // as select_kernels() gives them.
  Sampler(const Kernels& kernels, SamplingParams params, int vocab_size, uint64_t seed, int choice);

  // The token at `position`. logits [vocab_size] are changed. NaN counts as -inf; if nothing is left, the
  // lowest allowed id is returned. `history`: prompt and answer so far. `allowed`, when given: bit t % 32 of
  // word t / 32 allows token t.
  int32_t sample(std::span<float> logits, int64_t position, std::span<const int32_t> history,
                 std::span<const uint32_t> allowed = {});

  // The (token, probability) pairs sample() would draw from at this position, none of probability 0; one pair
  // where it has no choice. Changes the logits as sample() does.
  std::vector<std::pair<int32_t, double>> distribution(std::span<float> logits, int64_t position,
                                                       std::span<const int32_t> history,
                                                       std::span<const uint32_t> allowed = {});

  // Logarithms of the model's own distribution, softmax(logits), for a token and the top_n likeliest.
  static TokenLogprob logprobs(const Kernels& kernels, std::span<const float> logits, int32_t token,
                               int top_n);

 private:
  struct Typical {
    double distance;  // of the token's surprise from the entropy (first: the surprise itself)
    double probability;
    Candidate candidate;
  };

  // Applies all but temperature. The token if there is no choice; otherwise kept_ or, when keeps_all(), the
  // scanned logits hold what is left.
  std::optional<int32_t> narrow(std::span<float> logits, int64_t position, std::span<const int32_t> history,
                                std::span<const uint32_t> allowed);
  bool keeps_all() const;
  void truncate();
  void truncate_all();
  void keep_typical();
  bool keep_likely(float max, double total);
  float min_p_logit(float max) const;
  void apply_xtc(int64_t position);
  double weigh();
  int32_t draw(double u);
  int32_t draw_from_all(std::span<const float> logits, double u);

  SamplingParams params_;
  int vocab_size_;
  uint64_t seed_;
  int choice_;
  LogitScan scan_;
  RepetitionPenalties penalties_;
  DryPenalty dry_;
  std::vector<Candidate> kept_;
  std::vector<Typical> typical_;
  std::vector<float> weights_;
};

}  // namespace pingti
