// Cosines and sines of rotary embedding (arXiv 2104.09864) for positions 0.., computed once and kept.
// Angles are made in double precision: at position 100,000 a float angle is wrong in the third digit.
#pragma once

#include <cstdint>
#include <vector>

namespace pingti {

class RopeTable {
 public:
  // factors: empty or [rotary_dim / 2], each divides its frequency.
  RopeTable(int rotary_dim, double base, double scale, const std::vector<float>& factors);

  // Writes the rows for `positions`: cos and sin, each [rows, rotary_dim / 2].
  void fill(const std::vector<int64_t>& positions, float* cos, float* sin);

 private:
  void extend(int64_t positions);

  int half_;
  std::vector<double> frequencies_;  // [half]
  std::vector<float> table_;         // [positions][cos[half], sin[half]]
  int64_t ready_ = 0;                // positions computed
};

}  // namespace pingti
