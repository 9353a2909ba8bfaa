#include "sample/logit_scan.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "sample/fast_exp.h"

namespace pingti {
namespace {

constexpr float kNone = -std::numeric_limits<float>::infinity();
constexpr int kLanes = 16;  // independent maxima, for vector code

float block_max(std::span<const float> x) {
  float lanes[kLanes];
  std::fill(lanes, lanes + kLanes, kNone);
  size_t i = 0;
  for (; i + kLanes <= x.size(); i += kLanes) {
    for (int j = 0; j < kLanes; ++j) lanes[j] = x[i + j] > lanes[j] ? x[i + j] : lanes[j];
  }
  for (; i < x.size(); ++i) lanes[0] = x[i] > lanes[0] ? x[i] : lanes[0];
  float out = kNone;
  for (const float lane : lanes) out = lane > out ? lane : out;
  return out;
}

}  // namespace

std::span<const float> LogitScan::block(size_t i) const {
  const size_t begin = i * kBlock;
  return logits_.subspan(begin, std::min<size_t>(kBlock, logits_.size() - begin));
}

void LogitScan::scan(std::span<const float> logits) {
  logits_ = logits;
  maxima_.resize((logits.size() + kBlock - 1) / kBlock);
  max_ = kNone;
  for (size_t i = 0; i < maxima_.size(); ++i) {
    maxima_[i] = block_max(block(i));
    max_ = std::max(max_, maxima_[i]);
  }
}

int32_t LogitScan::argmax() const {
  for (size_t i = 0; i < maxima_.size(); ++i) {
    if (maxima_[i] != max_ || max_ == kNone) continue;
    const auto values = block(i);
    return static_cast<int32_t>(i * kBlock + (std::ranges::find(values, max_) - values.begin()));
  }
  return 0;
}

void LogitScan::at_least(float threshold, std::vector<Candidate>& out) const {
  out.clear();
  for (size_t i = 0; i < maxima_.size(); ++i) {
    if (!(maxima_[i] >= threshold) || maxima_[i] == kNone) continue;
    const auto values = block(i);
    for (size_t j = 0; j < values.size(); ++j) {
      if (values[j] >= threshold && values[j] > kNone) {
        out.push_back({values[j], static_cast<int32_t>(i * kBlock + j)});
      }
    }
  }
}

void LogitScan::largest(int count, std::vector<Candidate>& out) const {
  out.clear();
  if (count <= 0) return;
  const auto wanted = static_cast<size_t>(count);
  float threshold = kNone;
  if (wanted <= maxima_.size()) {
    // As many blocks have a maximum of at least this, so as many tokens are at least this likely.
    order_ = maxima_;
    std::nth_element(order_.begin(), order_.begin() + (count - 1), order_.end(), std::greater<>());
    threshold = order_[wanted - 1];
  }
  at_least(threshold, out);
  if (out.size() > wanted) {
    std::nth_element(out.begin(), out.begin() + count, out.end(), likelier);
    out.resize(wanted);
  }
  std::sort(out.begin(), out.end(), likelier);
}

// Sum of exp((value - max_) / temperature).
float LogitScan::block_sum_exp(std::span<const float> values, float inverse_temperature) const {
  float scaled[kSumBlock];
  const float* x = values.data();
  float shift = 0;
  if (inverse_temperature != 1) {
    for (size_t i = 0; i < values.size(); ++i) scaled[i] = (values[i] - max_) * inverse_temperature;
    x = scaled;
  } else {
    shift = max_;
  }
  float max = 0, sum = 0;
  kernels_->max_and_sum_exp(x, static_cast<int64_t>(values.size()), &max, &sum);
  if (!std::isnan(sum)) return sum * fast_exp(max - shift);
  sum = 0;  // a NaN among the logits
  for (const float value : values) sum += fast_exp((value - max_) * inverse_temperature);
  return sum;
}

double LogitScan::sum_exp(float temperature) {
  sums_.resize((logits_.size() + kSumBlock - 1) / kSumBlock);
  double total = 0;
  for (size_t i = 0; i < sums_.size(); ++i) {
    const size_t begin = i * kSumBlock;
    const size_t count = std::min<size_t>(kSumBlock, logits_.size() - begin);
    sums_[i] = block_sum_exp(logits_.subspan(begin, count), 1 / temperature);
    total += sums_[i];
  }
  return total;
}

}  // namespace pingti
