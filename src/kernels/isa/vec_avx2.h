// Vec with AVX2, FMA and F16C: two registers.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "kernels/isa/vec_types.h"

namespace pingti {
namespace {

struct Vec {
  __m256 lo, hi;
};

inline Vec set1(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
inline Vec zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
inline Vec load(const float* x) { return {_mm256_loadu_ps(x), _mm256_loadu_ps(x + 8)}; }
inline void store(float* out, Vec v) {
  _mm256_storeu_ps(out, v.lo);
  _mm256_storeu_ps(out + 8, v.hi);
}
inline Vec load_n(const float* x, int n, float fill) {
  alignas(64) float lanes[16];
  for (int i = 0; i < 16; ++i) lanes[i] = i < n ? x[i] : fill;
  return load(lanes);
}
inline void store_n(float* out, Vec v, int n) {
  alignas(64) float lanes[16];
  store(lanes, v);
  for (int i = 0; i < n; ++i) out[i] = lanes[i];
}

inline __m128i load_halves(const void* x) { return _mm_loadu_si128(static_cast<const __m128i*>(x)); }
inline __m256 widen_bf16(__m128i x) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(x), 16));
}
inline Vec load(const F16* x) {
  return {_mm256_cvtph_ps(load_halves(x)), _mm256_cvtph_ps(load_halves(x + 8))};
}
inline Vec load(const BF16* x) { return {widen_bf16(load_halves(x)), widen_bf16(load_halves(x + 8))}; }
inline void store(F16* out, Vec v) {
  constexpr int kRound = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm256_cvtps_ph(v.lo, kRound));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 8), _mm256_cvtps_ph(v.hi, kRound));
}

inline Vec add(Vec a, Vec b) { return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)}; }
inline Vec sub(Vec a, Vec b) { return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)}; }
inline Vec mul(Vec a, Vec b) { return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)}; }
inline Vec div(Vec a, Vec b) { return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)}; }
inline Vec fma(Vec a, Vec b, Vec c) {
  return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
// The second operand wins where one is NaN.
inline Vec max(Vec a, Vec b) { return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)}; }
inline Vec min(Vec a, Vec b) { return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)}; }
inline __m256 sign_bit() { return _mm256_set1_ps(-0.0f); }
inline Vec abs(Vec a) { return {_mm256_andnot_ps(sign_bit(), a.lo), _mm256_andnot_ps(sign_bit(), a.hi)}; }
inline Vec copysign(Vec a, Vec sign) {
  const Vec magnitude = abs(a);
  return {_mm256_or_ps(magnitude.lo, _mm256_and_ps(sign_bit(), sign.lo)),
          _mm256_or_ps(magnitude.hi, _mm256_and_ps(sign_bit(), sign.hi))};
}
inline __m256 select_negative(__m256 a, __m256 if_negative, __m256 otherwise) {
  return _mm256_blendv_ps(otherwise, if_negative, _mm256_cmp_ps(a, _mm256_setzero_ps(), _CMP_LT_OQ));
}
inline Vec select_negative(Vec a, Vec if_negative, Vec otherwise) {
  return {select_negative(a.lo, if_negative.lo, otherwise.lo),
          select_negative(a.hi, if_negative.hi, otherwise.hi)};
}
inline __m256 keep_lanes(__m256 v, __m256i bit, uint32_t lanes, float fill) {
  const __m256i set = _mm256_and_si256(_mm256_set1_epi32(static_cast<int>(lanes)), bit);
  return _mm256_blendv_ps(_mm256_set1_ps(fill), v, _mm256_castsi256_ps(_mm256_cmpeq_epi32(set, bit)));
}
// Lane i where bit i of `lanes` is set, `fill` elsewhere.
inline Vec keep_lanes(Vec v, uint32_t lanes, float fill) {
  const __m256i bit = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  return {keep_lanes(v.lo, bit, lanes, fill), keep_lanes(v.hi, bit, lanes >> 8, fill)};
}
inline Vec swap_pairs(Vec v) { return {_mm256_permute_ps(v.lo, 0xb1), _mm256_permute_ps(v.hi, 0xb1)}; }
inline Vec dup_pairs(const float* x) {
  const __m256 v = _mm256_loadu_ps(x);
  return {_mm256_permutevar8x32_ps(v, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3)),
          _mm256_permutevar8x32_ps(v, _mm256_setr_epi32(4, 4, 5, 5, 6, 6, 7, 7))};
}
inline Vec negate_even(Vec v) {
  const __m256 even = _mm256_castsi256_ps(_mm256_set1_epi64x(int64_t{1} << 31));
  return {_mm256_xor_ps(v.lo, even), _mm256_xor_ps(v.hi, even)};
}

inline Vec round_even(Vec v) {
  constexpr int kRound = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  return {_mm256_round_ps(v.lo, kRound), _mm256_round_ps(v.hi, kRound)};
}
inline __m256 scale_exp2(__m256 p, __m256 n) {
  const __m256i whole = _mm256_cvtps_epi32(n);
  const __m256i half = _mm256_srai_epi32(whole, 1);
  const __m256i bias = _mm256_set1_epi32(127);
  const __m256i first = _mm256_slli_epi32(_mm256_add_epi32(half, bias), 23);
  const __m256i rest = _mm256_slli_epi32(_mm256_add_epi32(_mm256_sub_epi32(whole, half), bias), 23);
  return _mm256_mul_ps(_mm256_mul_ps(p, _mm256_castsi256_ps(first)), _mm256_castsi256_ps(rest));
}
// p * 2^n for whole n in [-252, 252]; the first factor is exact, so it rounds once. A NaN n goes with a NaN
// p.
inline Vec scale_exp2(Vec p, Vec n) { return {scale_exp2(p.lo, n.lo), scale_exp2(p.hi, n.hi)}; }

inline float reduce_add(Vec v) {
  const __m256 eight = _mm256_add_ps(v.lo, v.hi);
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
inline float reduce_max(Vec v) {
  const __m256 eight = _mm256_max_ps(v.lo, v.hi);
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

struct VecInt {
  __m256i lo, hi;
};
struct VecPairs {
  __m256i lo, hi;
};
inline VecInt zero_int() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
inline VecPairs load_pairs(const int16_t* x) {
  const auto* halves = reinterpret_cast<const __m256i*>(x);
  return {_mm256_loadu_si256(halves), _mm256_loadu_si256(halves + 1)};
}
inline VecPairs load_pairs(const int8_t* x) {
  return {_mm256_cvtepi8_epi16(load_halves(x)), _mm256_cvtepi8_epi16(load_halves(x + 16))};
}
inline VecPairs load_pairs(const Nibbles* x) {
  return {_mm256_cvtepu8_epi16(load_halves(x)), _mm256_cvtepu8_epi16(load_halves(x + 16))};
}
inline __m256i nibble_pairs(__m256i v, int shift) {
  v = _mm256_and_si256(_mm256_srl_epi16(v, _mm_cvtsi32_si128(shift)), _mm256_set1_epi16(15));
  return _mm256_sub_epi16(v, _mm256_set1_epi16(8));
}
// Four bits from `shift` on of each int16, less 8.
inline VecPairs nibble_pairs(VecPairs v, int shift) {
  return {nibble_pairs(v.lo, shift), nibble_pairs(v.hi, shift)};
}
inline VecPairs set1_pair(const void* x) {
  int32_t pair;
  __builtin_memcpy(&pair, x, 4);
  return {_mm256_set1_epi32(pair), _mm256_set1_epi32(pair)};
}
// c + the sum of each pair's products.
inline VecInt dot(VecPairs a, VecPairs b, VecInt c) {
  return {_mm256_add_epi32(c.lo, _mm256_madd_epi16(a.lo, b.lo)),
          _mm256_add_epi32(c.hi, _mm256_madd_epi16(a.hi, b.hi))};
}
inline Vec to_float(VecInt v) { return {_mm256_cvtepi32_ps(v.lo), _mm256_cvtepi32_ps(v.hi)}; }
// Rounds to nearest, ties to even; |v| < 2^15. A NaN becomes any number.
inline void store_int16(int16_t* out, Vec v) {
  const __m256i both = _mm256_packs_epi32(_mm256_cvtps_epi32(v.lo), _mm256_cvtps_epi32(v.hi));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_permute4x64_epi64(both, 0xd8));
}

// Register tiles: at most 12 accumulators of the 16 registers; a Vec is two.
constexpr int kTileRows = 6;
constexpr int tile_vectors(int rows) { return rows == 1 ? 4 : rows == 2 ? 2 : 1; }

}  // namespace
}  // namespace pingti
