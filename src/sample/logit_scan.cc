#include "sample/logit_scan.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>

#include "sample/fast_exp.h"

namespace pingti {
namespace {

constexpr float kNone = -std::numeric_limits<float>::infinity();
constexpr int kLanes = 16;  // independent maxima and sums, for vector code in one fixed order

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

float block_sum_exp(std::span<const float> x, float max, float inverse_temperature) {
  Float4 lanes[kLanes / 4] = {};
  size_t i = 0;
  for (; i + kLanes <= x.size(); i += kLanes) {
#pragma GCC unroll 4
    for (size_t j = 0; j < kLanes / 4; ++j) {
      Float4 v;
      std::memcpy(&v, x.data() + i + 4 * j, sizeof(v));
      lanes[j] += fast_exp((v - max) * inverse_temperature);
    }
  }
  const Float4 four = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
  float sum = (four[0] + four[1]) + (four[2] + four[3]);
  for (; i < x.size(); ++i) sum += fast_exp((x[i] - max) * inverse_temperature);
  return sum;
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

double LogitScan::sum_exp(float temperature) {
  sums_.resize(maxima_.size());
  double total = 0;
  for (size_t i = 0; i < maxima_.size(); ++i) {
    sums_[i] = block_sum_exp(block(i), max_, 1 / temperature);
    total += sums_[i];
  }
  return total;
}

}  // namespace pingti
