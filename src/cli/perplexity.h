// Perplexity as llama-perplexity counts it: the text is cut into windows of `context` tokens, each starting
// afresh (with the beginning-of-text token in its first place where the model wants one), and the tokens of
// each window's second half are scored.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/model.h"
#include "text/tokenizer.h"

namespace pingti {

class PerplexityText {
 public:
  // windows < 0: as many as the text holds.
  static Result<PerplexityText> create(const Tokenizer& tokenizer, std::string_view text, int context,
                                       int windows);

  int windows() const { return windows_; }

  // Calls visit(logits, next token) for each scored position of a window, in order.
  using Visit = std::function<void(std::span<const float> logits, int32_t next)>;
  Result<void> score(Model& model, int window, const Visit& visit) const;

 private:
  std::vector<int32_t> tokens_;
  int context_ = 0;
  int windows_ = 0;
  int32_t bos_ = -1;  // put in each window's first place; -1: none
};

// ln p(token) under softmax(logits), in double precision.
double log_probability(std::span<const float> logits, int32_t token);

class Perplexity {
 public:
  void add(double negative_log_probability);
  double value() const;  // exp of the mean
  double error() const;  // one standard error of value()
  int64_t count() const { return count_; }

 private:
  double sum_ = 0;
  double squares_ = 0;
  int64_t count_ = 0;
};

// KL(expected || found) over the vocabulary at each position, and how often the most likely token agrees.
class Divergence {
 public:
  void add(std::span<const float> expected, std::span<const float> found, int32_t next);
  double mean() const;
  double quantile(double fraction) const;
  double same_top() const;          // 0..1
  double perplexity_ratio() const;  // found / expected
  int64_t count() const { return static_cast<int64_t>(divergences_.size()); }

 private:
  std::vector<double> divergences_;
  int64_t same_ = 0;
  Perplexity expected_;
  Perplexity found_;
};

}  // namespace pingti
