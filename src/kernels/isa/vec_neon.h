// Vec with NEON of every AArch64 CPU: four registers.
#pragma once

#include <arm_neon.h>

#include <cstdint>

#include "kernels/isa/vec_types.h"

namespace pingti {
namespace {

struct Vec {
  float32x4_t q[4];
};

#define PT_QUARTERS(expression)                           \
  const auto quarter = [&](int i) { return expression; }; \
  return Vec {                                            \
    {                                                     \
      quarter(0), quarter(1), quarter(2), quarter(3)      \
    }                                                     \
  }

inline Vec set1(float x) { PT_QUARTERS(vdupq_n_f32(x)); }
inline Vec zero() { return set1(0.0f); }
inline Vec load(const float* x) { PT_QUARTERS(vld1q_f32(x + 4 * i)); }
inline void store(float* out, Vec v) {
  for (int i = 0; i < 4; ++i) vst1q_f32(out + 4 * i, v.q[i]);
}
inline Vec load_n(const float* x, int n, float fill) {
  float lanes[16];
  for (int i = 0; i < 16; ++i) lanes[i] = i < n ? x[i] : fill;
  return load(lanes);
}
inline void store_n(float* out, Vec v, int n) {
  float lanes[16];
  store(lanes, v);
  for (int i = 0; i < n; ++i) out[i] = lanes[i];
}

inline uint16x4_t load_halves(const void* x, int i) {
  return vld1_u16(static_cast<const uint16_t*>(x) + 4 * i);
}
inline Vec load(const F16* x) { PT_QUARTERS(vcvt_f32_f16(vreinterpret_f16_u16(load_halves(x, i)))); }
inline Vec load(const BF16* x) { PT_QUARTERS(vreinterpretq_f32_u32(vshll_n_u16(load_halves(x, i), 16))); }
inline void store(F16* out, Vec v) {
  for (int i = 0; i < 4; ++i) {
    vst1_u16(reinterpret_cast<uint16_t*>(out) + 4 * i, vreinterpret_u16_f16(vcvt_f16_f32(v.q[i])));
  }
}

inline Vec add(Vec a, Vec b) { PT_QUARTERS(vaddq_f32(a.q[i], b.q[i])); }
inline Vec sub(Vec a, Vec b) { PT_QUARTERS(vsubq_f32(a.q[i], b.q[i])); }
inline Vec mul(Vec a, Vec b) { PT_QUARTERS(vmulq_f32(a.q[i], b.q[i])); }
inline Vec div(Vec a, Vec b) { PT_QUARTERS(vdivq_f32(a.q[i], b.q[i])); }
inline Vec fma(Vec a, Vec b, Vec c) { PT_QUARTERS(vfmaq_f32(c.q[i], a.q[i], b.q[i])); }
// The second operand wins where one is NaN.
inline Vec max(Vec a, Vec b) { PT_QUARTERS(vbslq_f32(vcgtq_f32(a.q[i], b.q[i]), a.q[i], b.q[i])); }
inline Vec min(Vec a, Vec b) { PT_QUARTERS(vbslq_f32(vcltq_f32(a.q[i], b.q[i]), a.q[i], b.q[i])); }
inline Vec abs(Vec a) { PT_QUARTERS(vabsq_f32(a.q[i])); }
inline Vec copysign(Vec a, Vec sign) { PT_QUARTERS(vbslq_f32(vdupq_n_u32(0x80000000), sign.q[i], a.q[i])); }
inline Vec select_negative(Vec a, Vec if_negative, Vec otherwise) {
  PT_QUARTERS(vbslq_f32(vcltzq_f32(a.q[i]), if_negative.q[i], otherwise.q[i]));
}
inline float32x4_t keep_lanes(float32x4_t v, uint32_t lanes, float fill) {
  constexpr uint32_t kBits[4] = {1, 2, 4, 8};
  return vbslq_f32(vtstq_u32(vdupq_n_u32(lanes), vld1q_u32(kBits)), v, vdupq_n_f32(fill));
}
inline Vec keep_lanes(Vec v, uint32_t lanes, float fill) {
  PT_QUARTERS(keep_lanes(v.q[i], lanes >> 4 * i, fill));
}
inline Vec swap_pairs(Vec v) { PT_QUARTERS(vrev64q_f32(v.q[i])); }
inline Vec dup_pairs(const float* x) {
  const float32x4_t lo = vld1q_f32(x);
  const float32x4_t hi = vld1q_f32(x + 4);
  return {{vzip1q_f32(lo, lo), vzip2q_f32(lo, lo), vzip1q_f32(hi, hi), vzip2q_f32(hi, hi)}};
}
inline float32x4_t negate_even(float32x4_t v) {
  const uint32x4_t even = vreinterpretq_u32_u64(vdupq_n_u64(0x80000000));
  return vreinterpretq_f32_u32(veorq_u32(vreinterpretq_u32_f32(v), even));
}
inline Vec negate_even(Vec v) { PT_QUARTERS(negate_even(v.q[i])); }

inline Vec round_even(Vec v) { PT_QUARTERS(vrndnq_f32(v.q[i])); }
inline float32x4_t scale_exp2(float32x4_t p, float32x4_t n) {
  const int32x4_t whole = vcvtnq_s32_f32(n);
  const int32x4_t half = vshrq_n_s32(whole, 1);
  const int32x4_t bias = vdupq_n_s32(127);
  const int32x4_t first = vshlq_n_s32(vaddq_s32(half, bias), 23);
  const int32x4_t rest = vshlq_n_s32(vaddq_s32(vsubq_s32(whole, half), bias), 23);
  return vmulq_f32(vmulq_f32(p, vreinterpretq_f32_s32(first)), vreinterpretq_f32_s32(rest));
}
// p * 2^n for whole n in [-252, 252]; the first factor is exact, so it rounds once. A NaN n goes with a NaN
// p.
inline Vec scale_exp2(Vec p, Vec n) { PT_QUARTERS(scale_exp2(p.q[i], n.q[i])); }

inline float reduce_add(Vec v) {
  const float32x4_t four = vaddq_f32(vaddq_f32(v.q[0], v.q[2]), vaddq_f32(v.q[1], v.q[3]));
  const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
  return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}
inline float reduce_max(Vec v) {
  return vmaxvq_f32(vmaxq_f32(vmaxq_f32(v.q[0], v.q[1]), vmaxq_f32(v.q[2], v.q[3])));
}

struct VecInt {
  int32x4_t q[4];
};
struct VecPairs {
  int16x8_t q[4];
};
inline VecInt zero_int() {
  const int32x4_t zeros = vdupq_n_s32(0);
  return {{zeros, zeros, zeros, zeros}};
}
inline VecPairs load_pairs(const int16_t* x) {
  return {{vld1q_s16(x), vld1q_s16(x + 8), vld1q_s16(x + 16), vld1q_s16(x + 24)}};
}
inline VecPairs load_pairs(const int8_t* x) {
  const int8x16_t lo = vld1q_s8(x);
  const int8x16_t hi = vld1q_s8(x + 16);
  return {{vmovl_s8(vget_low_s8(lo)), vmovl_high_s8(lo), vmovl_s8(vget_low_s8(hi)), vmovl_high_s8(hi)}};
}
inline int16x8_t load_bytes(const Nibbles* x) {
  return vreinterpretq_s16_u16(vmovl_u8(vld1_u8(reinterpret_cast<const uint8_t*>(x))));
}
inline VecPairs load_pairs(const Nibbles* x) {
  return {{load_bytes(x), load_bytes(x + 8), load_bytes(x + 16), load_bytes(x + 24)}};
}
inline int16x8_t nibble_pairs(int16x8_t v, int shift) {
  const int16x8_t bits = vshlq_s16(v, vdupq_n_s16(static_cast<int16_t>(-shift)));
  return vsubq_s16(vandq_s16(bits, vdupq_n_s16(15)), vdupq_n_s16(8));
}
// Four bits from `shift` on of each int16, less 8.
inline VecPairs nibble_pairs(VecPairs v, int shift) {
  return {{nibble_pairs(v.q[0], shift), nibble_pairs(v.q[1], shift), nibble_pairs(v.q[2], shift),
           nibble_pairs(v.q[3], shift)}};
}
inline VecPairs set1_pair(const void* x) {
  int32_t pair;
  __builtin_memcpy(&pair, x, 4);
  const int16x8_t all = vreinterpretq_s16_s32(vdupq_n_s32(pair));
  return {{all, all, all, all}};
}
inline int32x4_t dot(int16x8_t a, int16x8_t b, int32x4_t c) {
  const int32x4_t lo = vmull_s16(vget_low_s16(a), vget_low_s16(b));
  return vaddq_s32(c, vpaddq_s32(lo, vmull_high_s16(a, b)));
}
// c + the sum of each pair's products.
inline VecInt dot(VecPairs a, VecPairs b, VecInt c) {
  return {{dot(a.q[0], b.q[0], c.q[0]), dot(a.q[1], b.q[1], c.q[1]), dot(a.q[2], b.q[2], c.q[2]),
           dot(a.q[3], b.q[3], c.q[3])}};
}
inline Vec to_float(VecInt v) { PT_QUARTERS(vcvtq_f32_s32(v.q[i])); }
// Rounds to nearest, ties to even; |v| < 2^15. A NaN becomes any number.
inline void store_int16(int16_t* out, Vec v) {
  for (int i = 0; i < 4; ++i) vst1_s16(out + 4 * i, vqmovn_s32(vcvtnq_s32_f32(v.q[i])));
}

#undef PT_QUARTERS

// Register tiles: at most 24 accumulators of the 32 registers; a Vec is four.
constexpr int kTileRows = 6;
constexpr int tile_vectors(int rows) { return rows == 1 ? 4 : rows == 2 ? 2 : 1; }

}  // namespace
}  // namespace pingti
