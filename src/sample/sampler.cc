#include "sample/sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "sample/fast_exp.h"
#include "sample/random.h"

namespace pingti {
namespace {

constexpr float kNone = -std::numeric_limits<float>::infinity();
constexpr float kGreedyBelow = 1e-5f;  // temperatures too low for a second token to be drawn, or to divide by
constexpr int kFirstGuess = 256;       // tokens that usually hold top_p

void forbid_others(std::span<float> logits, std::span<const uint32_t> allowed) {
  for (size_t begin = 0; begin < logits.size(); begin += 32) {
    const uint32_t word = begin / 32 < allowed.size() ? allowed[begin / 32] : 0;
    if (word == ~uint32_t{0}) continue;
    const size_t end = std::min(begin + 32, logits.size());
    for (size_t i = begin; i < end; ++i) {
      if ((word >> (i - begin) & 1) == 0) logits[i] = kNone;
    }
  }
}

// What the parameters themselves leave to choose from.
void restrict_tokens(const SamplingParams& params, int64_t position, std::span<float> logits) {
  if (!params.allowed_tokens.empty()) {
    std::vector<float> kept;
    kept.reserve(params.allowed_tokens.size());
    for (const int32_t token : params.allowed_tokens) kept.push_back(logits[static_cast<size_t>(token)]);
    std::ranges::fill(logits, kNone);
    for (size_t i = 0; i < kept.size(); ++i) logits[static_cast<size_t>(params.allowed_tokens[i])] = kept[i];
  }
  if (position >= params.barred_before) return;
  for (const int32_t token : params.barred_tokens) logits[static_cast<size_t>(token)] = kNone;
}

int32_t lowest_allowed(std::span<const uint32_t> allowed, size_t vocab_size) {
  for (size_t i = 0; i < allowed.size(); ++i) {
    if (allowed[i] == 0) continue;
    const size_t token = i * 32 + static_cast<size_t>(std::countr_zero(allowed[i]));
    return token < vocab_size ? static_cast<int32_t>(token) : 0;
  }
  return 0;
}

double sum_exp(const std::vector<Candidate>& candidates, float max) {
  double sum = 0;
  for (const auto& candidate : candidates) sum += fast_exp(candidate.logit - max);
  return sum;
}

float max_logit(const std::vector<Candidate>& candidates) {
  float max = kNone;
  for (const auto& candidate : candidates) max = std::max(max, candidate.logit);
  return max;
}

}  // namespace

Sampler::Sampler(const Kernels& kernels, SamplingParams params, int vocab_size, uint64_t seed, int choice)
    : params_(std::move(params)), vocab_size_(vocab_size), seed_(seed), choice_(choice), scan_(kernels) {}

std::optional<int32_t> Sampler::narrow(std::span<float> logits, int64_t position,
                                       std::span<const int32_t> history, std::span<const uint32_t> allowed) {
  apply_bias(params_, logits);
  penalties_.apply(params_, history, logits);
  dry_.apply(params_, history, logits);
  restrict_tokens(params_, position, logits);
  if (!allowed.empty()) forbid_others(logits, allowed);

  scan_.scan(logits);
  if (scan_.max() == kNone) {
    if (allowed.empty() && !params_.allowed_tokens.empty()) return std::ranges::min(params_.allowed_tokens);
    return lowest_allowed(allowed, logits.size());
  }
  const bool certain = std::isinf(scan_.max());  // an infinite logit leaves no choice
  if (params_.temperature < kGreedyBelow || certain) return scan_.argmax();
  if (keeps_all()) return std::nullopt;
  truncate();
  apply_xtc(position);
  return std::nullopt;
}

int32_t Sampler::sample(std::span<float> logits, int64_t position, std::span<const int32_t> history,
                        std::span<const uint32_t> allowed) {
  if (const auto token = narrow(logits, position, history, allowed)) return *token;
  const double u = uniform(seed_, choice_, position, RandomStream::kDraw);
  return keeps_all() ? draw_from_all(logits, u) : draw(u);
}

std::vector<std::pair<int32_t, double>> Sampler::distribution(std::span<float> logits, int64_t position,
                                                              std::span<const int32_t> history,
                                                              std::span<const uint32_t> allowed) {
  if (const auto token = narrow(logits, position, history, allowed)) return {{*token, 1.0}};
  if (keeps_all()) scan_.at_least(kNone, kept_);
  const double total = weigh();
  std::vector<std::pair<int32_t, double>> out;
  for (size_t i = 0; i < kept_.size(); ++i) {
    if (weights_[i] > 0) out.emplace_back(kept_[i].token, weights_[i] / total);
  }
  return out;
}

bool Sampler::keeps_all() const {
  const bool top_k = params_.top_k > 0 && params_.top_k < vocab_size_;
  return !top_k && params_.typical_p >= 1 && params_.top_p >= 1 && params_.min_p <= 0 &&
         params_.xtc_probability <= 0;
}

// Fills kept_ with what top-k, typical, top-p and min-p leave.
void Sampler::truncate() {
  if (params_.top_k > 0 && params_.top_k < vocab_size_) {
    scan_.largest(params_.top_k, kept_);
  } else if (params_.typical_p < 1) {
    scan_.at_least(kNone, kept_);
  } else {
    truncate_all();
    return;
  }
  if (params_.typical_p < 1) keep_typical();
  const float max = max_logit(kept_);
  keep_likely(max, sum_exp(kept_, max));
}

// Top-p and min-p over the whole vocabulary.
void Sampler::truncate_all() {
  if (params_.top_p >= 1) {
    scan_.at_least(min_p_logit(scan_.max()), kept_);
    return;
  }
  const double total = scan_.sum_exp(1);
  for (int count = kFirstGuess;; count *= 8) {
    scan_.largest(count, kept_);
    const bool all = kept_.size() < static_cast<size_t>(count);
    if (keep_likely(scan_.max(), total) || all) return;
  }
}

// Locally typical sampling: the tokens whose surprise is closest to the entropy, up to typical_p.
void Sampler::keep_typical() {
  const float max = max_logit(kept_);
  const double total = sum_exp(kept_, max);
  const double log_total = std::log(total);
  typical_.clear();
  double entropy = 0;
  for (const auto& candidate : kept_) {
    const double surprise = log_total - (candidate.logit - max);
    const double probability = fast_exp(candidate.logit - max) / total;
    entropy += probability * surprise;
    typical_.push_back({surprise, probability, candidate});
  }
  for (auto& entry : typical_) entry.distance = std::fabs(entry.distance - entropy);
  // A heap, as usually few of many are taken.
  const auto later = [](const Typical& a, const Typical& b) {
    return a.distance > b.distance || (a.distance == b.distance && likelier(b.candidate, a.candidate));
  };
  std::ranges::make_heap(typical_, later);
  kept_.clear();
  double reached = 0;
  while (!typical_.empty() && (kept_.empty() || reached < params_.typical_p)) {
    std::ranges::pop_heap(typical_, later);
    kept_.push_back(typical_.back().candidate);
    reached += typical_.back().probability;
    typical_.pop_back();
  }
  std::ranges::sort(kept_, likelier);
}

float Sampler::min_p_logit(float max) const {
  return params_.min_p > 0 ? max + std::log(params_.min_p) : kNone;
}

// Cuts the sorted kept_ where its probabilities (of a whole of `total`) reach top_p, and below min_p. False
// if neither came to pass.
bool Sampler::keep_likely(float max, double total) {
  const float least = min_p_logit(max);
  const double enough = params_.top_p < 1 ? params_.top_p * total : std::numeric_limits<double>::infinity();
  double reached = 0;
  for (size_t i = 0; i < kept_.size(); ++i) {
    if (i > 0 && (reached >= enough || kept_[i].logit < least)) {
      kept_.resize(i);
      return true;
    }
    reached += fast_exp(kept_[i].logit - max);
  }
  return reached >= enough;
}

// Exclude top choices: of the tokens at least xtc_threshold likely only the least likely stays.
void Sampler::apply_xtc(int64_t position) {
  if (params_.xtc_probability <= 0 || params_.xtc_threshold > 0.5f) return;  // two cannot exceed a half
  if (uniform(seed_, choice_, position, RandomStream::kXtc) >= params_.xtc_probability) return;
  const float max = max_logit(kept_);
  const double total = sum_exp(kept_, max);
  const double least = params_.xtc_threshold * total;
  const double far_below = max + std::log(least) - 0.1;  // spares most tokens the exponential
  const auto is_top = [&](const Candidate& candidate) {
    return candidate.logit > far_below && fast_exp(candidate.logit - max) >= least;
  };
  const Candidate* last = nullptr;
  for (const auto& candidate : kept_) {
    if (is_top(candidate) && (last == nullptr || likelier(*last, candidate))) last = &candidate;
  }
  if (last == nullptr) return;
  const int32_t stays = last->token;
  std::erase_if(kept_, [&](const Candidate& c) { return c.token != stays && is_top(c); });
}

// Weights of kept_ at the temperature; returns their sum.
double Sampler::weigh() {
  const float max = max_logit(kept_);
  weights_.clear();
  double total = 0;
  for (const auto& candidate : kept_) {
    weights_.push_back(fast_exp((candidate.logit - max) / params_.temperature));
    total += weights_.back();
  }
  return total;
}

// The token at u of the cumulative distribution of kept_.
int32_t Sampler::draw(double u) {
  const double target = u * weigh();
  double reached = 0;
  int32_t token = kept_.front().token;
  for (size_t i = 0; i < kept_.size(); ++i) {
    if (weights_[i] == 0) continue;
    token = kept_[i].token;
    reached += weights_[i];
    if (reached > target) break;
  }
  return token;
}

// The same over the whole vocabulary, by id: first the block, then the token in it.
int32_t Sampler::draw_from_all(std::span<const float> logits, double u) {
  const double target = u * scan_.sum_exp(params_.temperature);
  const auto sums = scan_.block_sums();
  double reached = 0;
  size_t block = 0;
  for (size_t i = 0; i < sums.size(); ++i) {
    if (sums[i] == 0) continue;
    block = i;
    if (reached + sums[i] > target) break;
    reached += sums[i];
  }
  const size_t begin = block * LogitScan::kSumBlock;
  const size_t end = std::min(begin + LogitScan::kSumBlock, logits.size());
  size_t token = begin;
  for (size_t i = begin; i < end; ++i) {
    const float weight = fast_exp((logits[i] - scan_.max()) / params_.temperature);
    if (weight == 0) continue;
    token = i;
    reached += weight;
    if (reached > target) break;
  }
  return static_cast<int32_t>(token);
}

TokenLogprob Sampler::logprobs(const Kernels& kernels, std::span<const float> logits, int32_t token,
                               int top_n) {
  LogitScan scan(kernels);
  scan.scan(logits);
  const float max = scan.max();
  const bool finite = std::isfinite(max);
  const double log_total = finite ? max + std::log(scan.sum_exp(1)) : 0;
  const auto logprob = [&](float logit) {
    if (finite && logit > kNone) return static_cast<float>(logit - log_total);
    return logit > 0 ? 0.0f : kNone;  // +inf takes all; -inf, NaN, or a vocabulary without numbers
  };
  TokenLogprob out;
  out.token = token;
  const bool known = token >= 0 && static_cast<size_t>(token) < logits.size();
  out.logprob = known ? logprob(logits[token]) : kNone;
  std::vector<Candidate> top;
  scan.largest(top_n, top);
  for (const auto& candidate : top) out.top.emplace_back(candidate.token, logprob(candidate.logit));
  return out;
}

}  // namespace pingti
