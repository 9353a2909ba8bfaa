// How the encoders choose scales: private to src/quant.
#pragma once

#include <cmath>
#include <cstdint>

#include "quant/half.h"

namespace pingti::quant {

// Copies `count` values with NaN as 0 and magnitudes cut to what no format's scales exceed, so that squares
// and sums stay finite.
void copy_finite(const float* src, float* dst, int count);

// A scale as f16 bits; beyond the largest finite f16 it saturates.
uint16_t scale_bits(float scale);

inline float inverse(float scale) { return scale == 0.0f ? 0.0f : 1.0f / scale; }

// Nearest integer (ties to even) in [low, high].
inline int nearest(float value, int low, int high) {
  if (value <= static_cast<float>(low)) return low;
  if (value >= static_cast<float>(high)) return high;
  return static_cast<int>(std::lrintf(value));
}

// The value of largest magnitude, with its sign; 0 for an empty or zero row.
float signed_peak(const float* x, int count);

// Least squares fit x[i] ~ scale * q[i] with integers q in [-levels, levels - 1]. Tries several scales around
// peak / levels, refining each by the closed form for fixed q. Returns the best scale (either sign).
float fit_symmetric(const float* x, int count, int levels);

struct Affine {
  float scale;   // >= 0
  float offset;  // <= 0
};
// Least squares fit x[i] ~ scale * q[i] + offset with integers q in [0, top] and offset <= 0.
Affine fit_affine(const float* x, int count, int top);

}  // namespace pingti::quant
