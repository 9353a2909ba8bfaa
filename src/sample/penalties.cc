#include "sample/penalties.h"

#include <algorithm>
#include <cmath>

namespace pingti {
namespace {

bool in_vocabulary(int32_t token, std::span<float> logits) {
  return token >= 0 && static_cast<size_t>(token) < logits.size();
}

std::span<const int32_t> last(std::span<const int32_t> history, int count) {
  if (count < 0 || static_cast<size_t>(count) >= history.size()) return history;
  return history.last(count);
}

using Breakers = std::vector<std::vector<int32_t>>;

// Tokens at the window's end after its last sequence breaker: a repetition may not reach further back.
int tokens_after_breaker(std::span<const int32_t> window, const Breakers& breakers) {
  for (size_t back = 0; back < window.size(); ++back) {
    const auto from = window.last(back + 1);
    size_t longest = 0;
    for (const auto& breaker : breakers) {
      const bool here = !breaker.empty() && breaker.size() <= from.size() &&
                        std::equal(breaker.begin(), breaker.end(), from.begin());
      if (here) longest = std::max(longest, breaker.size());
    }
    if (longest > 0) return static_cast<int>(back + 1 - longest);
  }
  return static_cast<int>(window.size());
}

bool is_breaker(int32_t token, const Breakers& breakers) {
  return std::ranges::any_of(breakers, [&](const auto& b) { return b.size() == 1 && b[0] == token; });
}

}  // namespace

void apply_bias(const SamplingParams& params, std::span<float> logits) {
  for (const auto& [token, bias] : params.logit_bias) {
    if (in_vocabulary(token, logits)) logits[token] += bias;
  }
}

void RepetitionPenalties::apply(const SamplingParams& params, std::span<const int32_t> history,
                                std::span<float> logits) {
  const bool off =
      params.repetition_penalty == 1 && params.presence_penalty == 0 && params.frequency_penalty == 0;
  if (off || params.penalty_last_n == 0) return;
  counts_.resize(logits.size(), 0);
  seen_.clear();
  for (const int32_t token : last(history, params.penalty_last_n)) {
    if (in_vocabulary(token, logits) && counts_[token]++ == 0) seen_.push_back(token);
  }
  for (const int32_t token : seen_) {
    float& logit = logits[token];
    logit = logit > 0 ? logit / params.repetition_penalty : logit * params.repetition_penalty;
    logit -= static_cast<float>(counts_[token]) * params.frequency_penalty + params.presence_penalty;
    counts_[token] = 0;
  }
}

// matches_[i] for i >= 1: length of the longest common suffix of the window and the window without its last i
// tokens, at most `limit`. This is the Z function of the reversed window.
void DryPenalty::find_matches(std::span<const int32_t> window, int limit) {
  const int count = static_cast<int>(window.size());
  const auto at = [&](int i) { return window[count - 1 - i]; };
  matches_.assign(count, 0);
  int left = 0;
  int right = 0;
  for (int i = 1; i < count; ++i) {
    int length = i < right ? std::min(right - i, matches_[i - left]) : 0;
    while (i + length < count && at(length) == at(i + length)) ++length;
    matches_[i] = length;
    if (i + length > right) left = i, right = i + length;
  }
  for (int& match : matches_) match = std::min(match, limit);
}

void DryPenalty::apply(const SamplingParams& params, std::span<const int32_t> history,
                       std::span<float> logits) {
  if (params.dry_multiplier == 0 || params.dry_penalty_last_n == 0) return;
  const auto window = last(history, params.dry_penalty_last_n);
  const int limit = tokens_after_breaker(window, params.dry_sequence_breakers);
  if (limit < params.dry_allowed_length) return;
  find_matches(window, limit);
  longest_.clear();
  for (size_t i = 1; i < matches_.size(); ++i) {
    if (matches_[i] < params.dry_allowed_length || matches_[i] == 0) continue;
    longest_.emplace_back(window[window.size() - i], matches_[i]);  // the token that followed
  }
  std::ranges::sort(longest_);
  for (size_t i = 0; i < longest_.size(); ++i) {
    const auto [token, match] = longest_[i];
    const bool longer_follows = i + 1 < longest_.size() && longest_[i + 1].first == token;
    if (longer_follows || !in_vocabulary(token, logits)) continue;
    if (is_breaker(token, params.dry_sequence_breakers)) continue;
    const double penalty =
        params.dry_multiplier * std::pow(double{params.dry_base}, match - params.dry_allowed_length);
    logits[token] -= static_cast<float>(std::min(penalty, 1e30));
  }
}

}  // namespace pingti
