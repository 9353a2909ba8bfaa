#include <arm_neon.h>

#include "kernels/isa/functions.h"

namespace pingti::neon {
namespace {

constexpr int kQuarters = kActivationBlock / 4;

// Values [i, i + 32) of x, zeros past `end`.
void load_padded(const float* x, int64_t i, int64_t end, float32x4_t (&out)[kQuarters]) {
  float padded[kActivationBlock] = {};
  const float* src = x + i;
  if (end - i < kActivationBlock) {
    for (int64_t k = 0; k < end - i; ++k) padded[k] = x[i + k];
    src = padded;
  }
  for (int k = 0; k < kQuarters; ++k) out[k] = vld1q_f32(src + 4 * k);
}

// Largest magnitude; NaN counts as nothing.
float peak_of(const float* x, int64_t begin, int64_t end) {
  float32x4_t peak = vdupq_n_f32(0.0f);
  for (int64_t i = begin; i < end; i += kActivationBlock) {
    float32x4_t values[kQuarters];
    load_padded(x, i, end, values);
    for (const float32x4_t value : values) {
      const float32x4_t magnitude = vabsq_f32(value);
      peak = vbslq_f32(vcgtq_f32(magnitude, peak), magnitude, peak);
    }
  }
  return vmaxvq_f32(peak);
}

// Quantizes 16 values to `q` and returns their sum; NaN gives 0.
int quantize_half(const float32x4_t* x, float32x4_t inverse, int8_t* q) {
  int16x8_t words[2];
  for (int i = 0; i < 2; ++i) {
    const int16x4_t low = vqmovn_s32(vcvtnq_s32_f32(vmulq_f32(x[2 * i], inverse)));
    const int16x4_t high = vqmovn_s32(vcvtnq_s32_f32(vmulq_f32(x[2 * i + 1], inverse)));
    words[i] = vcombine_s16(low, high);
  }
  vst1q_s8(q, vcombine_s8(vqmovn_s16(words[0]), vqmovn_s16(words[1])));
  return vaddlvq_s16(vaddq_s16(words[0], words[1]));
}

struct HalfSums {  // of 16 integers each
  int lo, hi;
};

HalfSums quantize_block(const float* x, int64_t i, int64_t end, float inverse, int8_t* q) {
  const float32x4_t factor = vdupq_n_f32(inverse);
  float32x4_t values[kQuarters];
  load_padded(x, i, end, values);
  return {quantize_half(values, factor, q), quantize_half(values + kQuarters / 2, factor, q + 16)};
}

}  // namespace

#include "kernels/isa/quantize.inc"

}  // namespace pingti::neon
