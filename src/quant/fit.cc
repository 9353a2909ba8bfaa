#include "quant/fit.h"

#include <algorithm>

namespace pingti::quant {
namespace {

constexpr float kLargest = 1e9f;       // above 65504 * 128 * 32, the most Q6_K expresses
constexpr float kNegligible = 1e-15f;  // far below the smallest f16
constexpr float kLargestHalf = 65504.0f;

float squared_error(const float* x, int count, int top, Affine fit) {
  const float inverse_scale = inverse(fit.scale);
  float error = 0;
  for (int i = 0; i < count; ++i) {
    const int q = nearest((x[i] - fit.offset) * inverse_scale, 0, top);
    const float difference = fit.scale * static_cast<float>(q) + fit.offset - x[i];
    error += difference * difference;
  }
  return error;
}

// The best scale and offset for the integers that `start` rounds x to.
Affine refine_affine(const float* x, int count, int top, Affine start) {
  const float inverse_scale = inverse(start.scale);
  float sum_x = 0, sum_q = 0, sum_qq = 0, sum_xq = 0;
  for (int i = 0; i < count; ++i) {
    const auto q = static_cast<float>(nearest((x[i] - start.offset) * inverse_scale, 0, top));
    sum_x += x[i];
    sum_q += q;
    sum_qq += q * q;
    sum_xq += x[i] * q;
  }
  const auto n = static_cast<float>(count);
  const float determinant = n * sum_qq - sum_q * sum_q;
  if (determinant <= 0) return start;
  Affine fit{(n * sum_xq - sum_x * sum_q) / determinant, (sum_qq * sum_x - sum_q * sum_xq) / determinant};
  if (fit.offset > 0) fit = {sum_qq > 0 ? sum_xq / sum_qq : 0.0f, 0.0f};
  return fit.scale > 0 ? fit : start;
}

}  // namespace

void copy_finite(const float* src, float* dst, int count) {
  for (int i = 0; i < count; ++i) {
    dst[i] = std::isnan(src[i]) ? 0.0f : std::clamp(src[i], -kLargest, kLargest);
  }
}

uint16_t scale_bits(float scale) { return f32_to_f16(std::clamp(scale, -kLargestHalf, kLargestHalf)); }

float signed_peak(const float* x, int count) {
  float peak = 0;
  for (int i = 0; i < count; ++i) {
    if (std::fabs(x[i]) > std::fabs(peak)) peak = x[i];
  }
  return peak;
}

float fit_symmetric(const float* x, int count, int levels) {
  const float peak = signed_peak(x, count);
  if (std::fabs(peak) < kNegligible) return 0.0f;
  float best_scale = 0, best_gain = -1;
  // The peak takes -levels at step 0; other steps clip it or leave room, in steps of a tenth of a level.
  for (int step = -9; step <= 9; ++step) {
    const float inverse_scale = -(static_cast<float>(levels) + 0.1f * static_cast<float>(step)) / peak;
    float sum_xq = 0, sum_qq = 0;
    for (int i = 0; i < count; ++i) {
      const auto q = static_cast<float>(nearest(x[i] * inverse_scale, -levels, levels - 1));
      sum_xq += x[i] * q;
      sum_qq += q * q;
    }
    if (sum_qq <= 0) continue;
    const float gain = sum_xq / sum_qq * sum_xq;  // how much this scale lowers the squared error
    if (gain > best_gain) {
      best_gain = gain;
      best_scale = sum_xq / sum_qq;
    }
  }
  return best_scale;
}

Affine fit_affine(const float* x, int count, int top) {
  const float low = std::min(0.0f, *std::min_element(x, x + count));
  const float high = *std::max_element(x, x + count);
  if (high - low < kNegligible) return {0.0f, low};
  Affine best{(high - low) / static_cast<float>(top), low};
  float best_error = squared_error(x, count, top, best);
  for (int step = -5; step <= 10; ++step) {
    Affine fit{(high - low) / (static_cast<float>(top) + 0.1f * static_cast<float>(step)), low};
    for (int round = 0; round < 2; ++round) fit = refine_affine(x, count, top, fit);
    const float error = squared_error(x, count, top, fit);
    if (error < best_error) {
      best_error = error;
      best = fit;
    }
  }
  return best;
}

}  // namespace pingti::quant
