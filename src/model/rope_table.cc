#include "model/rope_table.h"

#include <algorithm>
#include <cmath>

namespace pingti {

RopeTable::RopeTable(int rotary_dim, double base, double scale, const std::vector<float>& factors)
    : half_(rotary_dim / 2) {
  for (int i = 0; i < half_; ++i) {
    const double factor = factors.empty() ? 1.0 : static_cast<double>(factors[static_cast<size_t>(i)]);
    frequencies_.push_back(scale * std::pow(base, -2.0 * i / rotary_dim) / factor);
  }
}

void RopeTable::extend(int64_t positions) {
  constexpr int64_t kStep = 256;
  const int64_t target = (positions + kStep - 1) / kStep * kStep;
  table_.resize(static_cast<size_t>(target * 2 * half_));
  for (int64_t position = ready_; position < target; ++position) {
    float* row = table_.data() + position * 2 * half_;
    for (int i = 0; i < half_; ++i) {
      const double angle = static_cast<double>(position) * frequencies_[static_cast<size_t>(i)];
      row[i] = static_cast<float>(std::cos(angle));
      row[half_ + i] = static_cast<float>(std::sin(angle));
    }
  }
  ready_ = target;
}

void RopeTable::fill(const std::vector<int64_t>& positions, float* cos, float* sin) {
  for (int64_t position : positions) {
    if (position >= ready_) extend(position + 1);
    const float* row = table_.data() + position * 2 * half_;
    cos = std::copy_n(row, half_, cos);
    sin = std::copy_n(row + half_, half_, sin);
  }
}

}  // namespace pingti
