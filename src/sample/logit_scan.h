// Looks into a vocabulary's logits without sorting them: the maximum of each block of 128 is taken in one
// pass, after which the largest k, or all above a threshold, are found by reading a few blocks only.
// Exponentials over the whole vocabulary come from the kernels, so sums depend on the instruction set in
// their last bits. NaN counts as absent. Not thread-safe; keep one per sampler, its memory is reused.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/kernels.h"

namespace pingti {

struct Candidate {
  float logit;
  int32_t token;
};
// Most likely first; the lower id first of two equally likely.
inline bool likelier(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
}

class LogitScan {
 public:
  static constexpr int kBlock = 128;
  static constexpr int kSumBlock =
      1024;  // of the sums: as long as calls of the kernels are worth their start

  explicit LogitScan(const Kernels& kernels) : kernels_(&kernels) {}
  // Reads the logits; the span must outlive the calls below.
  void scan(std::span<const float> logits);

  float max() const { return max_; }  // -inf when there is no number
  int32_t argmax() const;             // the lowest id with the maximum; 0 when there is no number
  // The count likeliest tokens, sorted; fewer when there are fewer above -inf.
  void largest(int count, std::vector<Candidate>& out) const;
  // All tokens with logit >= threshold (and above -inf), by id.
  void at_least(float threshold, std::vector<Candidate>& out) const;
  // Sum of exp((logit - max) / temperature), and in block_sums() the part of each kSumBlock. max must be
  // finite.
  double sum_exp(float temperature);
  std::span<const float> block_sums() const { return sums_; }

 private:
  std::span<const float> block(size_t i) const;
  float block_sum_exp(std::span<const float> values, float inverse_temperature) const;

  const Kernels* kernels_;
  std::span<const float> logits_;
  std::vector<float> maxima_;
  std::vector<float> sums_;
  mutable std::vector<float> order_;
  float max_ = 0;
};

}  // namespace pingti
