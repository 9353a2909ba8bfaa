#include "quant/k_affine.h"

#include <algorithm>

#include "quant/fit.h"

namespace pingti::quant {
namespace {

constexpr int kSubBlocks = 8;
constexpr int kSub = 32;

// The inverse of k_scale_min (blocks.h).
void put_scale_min(uint8_t* scales, int s, int scale, int min) {
  if (s < 4) {
    scales[s] = static_cast<uint8_t>(scales[s] | scale);
    scales[s + 4] = static_cast<uint8_t>(scales[s + 4] | min);
    return;
  }
  scales[s + 4] = static_cast<uint8_t>((scale & 15) | (min & 15) << 4);
  scales[s - 4] = static_cast<uint8_t>(scales[s - 4] | (scale >> 4) << 6);
  scales[s] = static_cast<uint8_t>(scales[s] | (min >> 4) << 6);
}

}  // namespace

KAffine encode_k_affine(const float* x, int top) {
  Affine fits[kSubBlocks];
  float top_scale = 0, top_min = 0;
  for (int s = 0; s < kSubBlocks; ++s) {
    fits[s] = fit_affine(x + s * kSub, kSub, top);
    top_scale = std::max(top_scale, fits[s].scale);
    top_min = std::max(top_min, -fits[s].offset);
  }
  KAffine result{};
  result.d = scale_bits(top_scale / 63.0f);
  result.dmin = scale_bits(top_min / 63.0f);
  const float d = f16_to_f32(result.d);
  const float dmin = f16_to_f32(result.dmin);
  for (int s = 0; s < kSubBlocks; ++s) {
    const int scale = nearest(fits[s].scale * inverse(d), 0, 63);
    const int min = nearest(-fits[s].offset * inverse(dmin), 0, 63);
    put_scale_min(result.scales, s, scale, min);
    const float inverse_scale = inverse(d * static_cast<float>(scale));
    const float offset = dmin * static_cast<float>(min);
    for (int j = s * kSub; j < (s + 1) * kSub; ++j) {
      result.q[j] = static_cast<uint8_t>(nearest((x[j] + offset) * inverse_scale, 0, top));
    }
  }
  return result;
}

}  // namespace pingti::quant
