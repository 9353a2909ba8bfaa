#include "cli/perplexity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/runner.h"

namespace pingti {
namespace {

double log_sum_exp(std::span<const float> logits) {
  const float max = *std::ranges::max_element(logits);
  double sum = 0;
  for (float x : logits) sum += std::exp(static_cast<double>(x) - max);
  return max + std::log(sum);
}

// Scored rows per forward pass: the logits of a whole window may not fit memory comfortably.
constexpr int kScoredRows = 64;

}  // namespace

Result<PerplexityText> PerplexityText::create(const Tokenizer& tokenizer, std::string_view text, int context,
                                              int windows) {
  PerplexityText result;
  result.tokens_ = tokenizer.encode(text, {.add_special = true, .parse_special = false});
  result.context_ = context;
  if (tokenizer.vocab().add_bos) result.bos_ = tokenizer.vocab().bos;
  const auto available = static_cast<int>(result.tokens_.size() / static_cast<size_t>(context));
  if (available < 1) {
    return fail(ErrorKind::kInvalid, "eval.short_text",
                fmt::format("the text has {} tokens; one window needs {}", result.tokens_.size(), context),
                "give a longer text or a smaller --ctx");
  }
  result.windows_ = windows < 0 ? available : std::min(available, windows);
  return result;
}

Result<void> PerplexityText::score(Model& model, int window, const Visit& visit) const {
  PT_TRY(Runner runner, Runner::create(model, /*sequences=*/1, context_));
  const auto first = tokens_.begin() + static_cast<std::ptrdiff_t>(window) * context_;
  std::vector<int32_t> tokens(first, first + context_);
  if (bos_ >= 0) tokens[0] = bos_;
  const std::span<const int32_t> all(tokens);
  const auto vocab = static_cast<size_t>(model.config().vocab);
  const int half = context_ / 2;
  const Runner::Piece unscored{.tokens = all.first(static_cast<size_t>(half)), .no_logits = true};
  runner.step({&unscored, 1});
  for (int begin = half; begin < context_ - 1; begin += kScoredRows) {
    const int rows = std::min(kScoredRows, context_ - 1 - begin);
    const Runner::Piece scored{.tokens = all.subspan(static_cast<size_t>(begin), static_cast<size_t>(rows)),
                               .all_logits = true};
    const std::span<const float> logits = runner.step({&scored, 1});
    for (int row = 0; row < rows; ++row) {
      visit(logits.subspan(static_cast<size_t>(row) * vocab, vocab),
            tokens[static_cast<size_t>(begin + row + 1)]);
    }
  }
  return {};
}

double log_probability(std::span<const float> logits, int32_t token) {
  return static_cast<double>(logits[static_cast<size_t>(token)]) - log_sum_exp(logits);
}

void Perplexity::add(double negative_log_probability) {
  sum_ += negative_log_probability;
  squares_ += negative_log_probability * negative_log_probability;
  ++count_;
}

double Perplexity::value() const { return std::exp(sum_ / static_cast<double>(count_)); }

double Perplexity::error() const {
  const auto n = static_cast<double>(count_);
  const double mean = sum_ / n;
  const double variance = squares_ / n - mean * mean;
  return count_ > 1 && variance > 0 ? std::sqrt(variance / (n - 1)) * value() : 0;
}

void Divergence::add(std::span<const float> expected, std::span<const float> found, int32_t next) {
  const double expected_sum = log_sum_exp(expected);
  const double found_sum = log_sum_exp(found);
  double divergence = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double log_p = expected[i] - expected_sum;
    const double log_q = found[i] - found_sum;
    divergence += std::exp(log_p) * (log_p - log_q);
  }
  divergences_.push_back(divergence);
  if (std::ranges::max_element(expected) - expected.begin() ==
      std::ranges::max_element(found) - found.begin())
    ++same_;
  expected_.add(expected_sum - expected[static_cast<size_t>(next)]);
  found_.add(found_sum - found[static_cast<size_t>(next)]);
}

double Divergence::mean() const {
  return std::accumulate(divergences_.begin(), divergences_.end(), 0.0) /
         static_cast<double>(divergences_.size());
}

double Divergence::quantile(double fraction) const {
  std::vector<double> sorted = divergences_;
  std::ranges::sort(sorted);
  return sorted[static_cast<size_t>(fraction * static_cast<double>(sorted.size() - 1))];
}

double Divergence::same_top() const { return static_cast<double>(same_) / static_cast<double>(count()); }

double Divergence::perplexity_ratio() const { return found_.value() / expected_.value(); }

}  // namespace pingti
