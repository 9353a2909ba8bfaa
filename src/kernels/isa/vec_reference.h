// Vec of the reference tier: 16 floats in portable code, left to the compiler to vectorize for the baseline.
// fma() multiplies and adds in two roundings: the baseline has no FMA, and emulating one is very slow.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/isa/vec_types.h"

namespace pingti {
namespace {

struct Vec {
  float lane[16];
};
struct VecInt {
  int32_t lane[16];
};

#define PT_LANES(expression)                                                 \
  Vec out;                                                                   \
  for (int i = 0; i < 16; ++i) out.lane[i] = static_cast<float>(expression); \
  return out

inline uint32_t bits_of(float x) { return __builtin_bit_cast(uint32_t, x); }
inline float float_of(uint32_t bits) { return __builtin_bit_cast(float, bits); }

inline Vec set1(float x) { PT_LANES(x); }
inline Vec zero() { return set1(0); }
inline Vec load(const float* x) { PT_LANES(x[i]); }
inline Vec load_n(const float* x, int n, float fill) { PT_LANES(i < n ? x[i] : fill); }
inline void store(float* out, const Vec& v) {
  for (int i = 0; i < 16; ++i) out[i] = v.lane[i];
}
inline void store_n(float* out, const Vec& v, int n) {
  for (int i = 0; i < n; ++i) out[i] = v.lane[i];
}

inline float half_to_float(uint16_t half) {
  const uint32_t magnitude = static_cast<uint32_t>(half & 0x7fff) << 13;
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const float scaled = float_of(magnitude) * 0x1p112f;  // exact, subnormals included
  const uint32_t special = (half & 0x7c00) == 0x7c00 ? 0x7f800000u : 0u;
  return float_of(bits_of(scaled) | special | sign);
}
inline uint16_t half_of(float x) {  // |x| <= 65504 or NaN; nearest, ties to even
  const uint32_t sign = (bits_of(x) >> 16) & 0x8000;
  const float magnitude = float_of(bits_of(x) & 0x7fffffff);
  if (magnitude != magnitude) return static_cast<uint16_t>(sign | 0x7e00);
  if (magnitude < 0x1p-14f) {  // adding a large number rounds at the place of a half subnormal
    return static_cast<uint16_t>(sign | (bits_of(magnitude + 0.5f) - bits_of(0.5f)));
  }
  const uint32_t rounded = bits_of(magnitude) + 0xfff + ((bits_of(magnitude) >> 13) & 1);
  return static_cast<uint16_t>(sign | ((rounded - (112u << 23)) >> 13));
}
inline Vec load(const F16* x) { PT_LANES(half_to_float(x[i].bits)); }
inline Vec load(const BF16* x) { PT_LANES(float_of(static_cast<uint32_t>(x[i].bits) << 16)); }
inline void store(F16* out, const Vec& v) {
  for (int i = 0; i < 16; ++i) out[i].bits = half_of(v.lane[i]);
}

inline Vec add(const Vec& a, const Vec& b) { PT_LANES(a.lane[i] + b.lane[i]); }
inline Vec sub(const Vec& a, const Vec& b) { PT_LANES(a.lane[i] - b.lane[i]); }
inline Vec mul(const Vec& a, const Vec& b) { PT_LANES(a.lane[i] * b.lane[i]); }
inline Vec div(const Vec& a, const Vec& b) { PT_LANES(a.lane[i] / b.lane[i]); }
inline Vec fma(const Vec& a, const Vec& b, const Vec& c) { PT_LANES(a.lane[i] * b.lane[i] + c.lane[i]); }
// The second operand wins where one is NaN.
inline Vec max(const Vec& a, const Vec& b) { PT_LANES(a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]); }
inline Vec min(const Vec& a, const Vec& b) { PT_LANES(a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]); }
inline Vec abs(const Vec& a) { PT_LANES(float_of(bits_of(a.lane[i]) & 0x7fffffff)); }
inline Vec copysign(const Vec& a, const Vec& sign) {
  PT_LANES(float_of((bits_of(a.lane[i]) & 0x7fffffff) | (bits_of(sign.lane[i]) & 0x80000000)));
}
inline Vec select_negative(const Vec& a, const Vec& if_negative, const Vec& otherwise) {
  PT_LANES(a.lane[i] < 0 ? if_negative.lane[i] : otherwise.lane[i]);
}
// Lane i where bit i of `lanes` is set, `fill` elsewhere.
inline Vec keep_lanes(const Vec& v, uint32_t lanes, float fill) {
  PT_LANES((lanes >> i & 1) != 0 ? v.lane[i] : fill);
}
inline Vec swap_pairs(const Vec& v) { PT_LANES(v.lane[i ^ 1]); }
inline Vec dup_pairs(const float* x) { PT_LANES(x[i / 2]); }
inline Vec negate_even(const Vec& v) { PT_LANES(i % 2 == 0 ? -v.lane[i] : v.lane[i]); }

inline Vec round_even(const Vec& v) {  // |v| < 2^22
  constexpr float kMagic = 0x1.8p23f;
  PT_LANES((v.lane[i] + kMagic) - kMagic);
}
// p * 2^n for whole n in [-252, 252], rounded once.
inline Vec scale_exp2(const Vec& p, const Vec& n) {
  Vec out;
  for (int i = 0; i < 16; ++i) {
    const float bounded = n.lane[i] >= -252 ? (n.lane[i] <= 252 ? n.lane[i] : 252) : -252;  // NaN: p is NaN
    const int32_t whole = static_cast<int32_t>(bounded);
    const int32_t half = whole >> 1;
    out.lane[i] = p.lane[i] * float_of(static_cast<uint32_t>(half + 127) << 23) *
                  float_of(static_cast<uint32_t>(whole - half + 127) << 23);
  }
  return out;
}

inline float reduce_add(const Vec& v) {
  float x[16];
  store(x, v);
  for (int width = 8; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) x[i] += x[i + width];
  }
  return x[0];
}
inline float reduce_max(const Vec& v) {
  float x = v.lane[0];
  for (int i = 1; i < 16; ++i) x = v.lane[i] > x ? v.lane[i] : x;
  return x;
}

struct VecPairs {
  int16_t value[32];
};
inline VecInt zero_int() { return {}; }
inline VecPairs load_pairs(const int16_t* x) {
  VecPairs out;
  __builtin_memcpy(&out, x, sizeof out);
  return out;
}
inline VecPairs load_pairs(const int8_t* x) {
  VecPairs out;
  for (int i = 0; i < 32; ++i) out.value[i] = x[i];
  return out;
}
inline VecPairs load_pairs(const Nibbles* x) {
  VecPairs out;
  for (int i = 0; i < 32; ++i) out.value[i] = x[i].bits;
  return out;
}
// Four bits from `shift` on of each int16, less 8.
inline VecPairs nibble_pairs(const VecPairs& v, int shift) {
  VecPairs out;
  for (int i = 0; i < 32; ++i) out.value[i] = static_cast<int16_t>((v.value[i] >> shift & 15) - 8);
  return out;
}
inline VecPairs set1_pair(const void* x) {
  VecPairs out;
  for (int i = 0; i < 16; ++i) __builtin_memcpy(out.value + 2 * i, x, 4);
  return out;
}
// c + the sum of each pair's products.
inline VecInt dot(const VecPairs& a, const VecPairs& b, VecInt c) {
  for (int i = 0; i < 16; ++i) {
    c.lane[i] += int32_t{a.value[2 * i]} * b.value[2 * i] + int32_t{a.value[2 * i + 1]} * b.value[2 * i + 1];
  }
  return c;
}
inline Vec to_float(const VecInt& v) { PT_LANES(v.lane[i]); }
// Rounds to nearest, ties to even; |v| < 2^15. A NaN becomes any number.
inline void store_int16(int16_t* out, const Vec& v) {
  const Vec whole = round_even(v);
  for (int i = 0; i < 16; ++i) {
    const float x = whole.lane[i] > -32767 ? whole.lane[i] : -32767;  // NaN too
    out[i] = static_cast<int16_t>(x < 32767 ? x : 32767);
  }
}

#undef PT_LANES

// Register tiles: 16 lanes are four registers of the baseline's sixteen.
constexpr int kTileRows = 2;
constexpr int tile_vectors(int) { return 1; }

}  // namespace
}  // namespace pingti
