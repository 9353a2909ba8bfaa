// Vec with AVX-512: one register.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "kernels/isa/vec_types.h"

namespace pingti {
namespace {

using Vec = __m512;

inline Vec set1(float x) { return _mm512_set1_ps(x); }
inline Vec zero() { return _mm512_setzero_ps(); }
inline __mmask16 first_lanes(int n) { return static_cast<__mmask16>((1u << n) - 1); }
inline Vec load(const float* x) { return _mm512_loadu_ps(x); }
inline Vec load_n(const float* x, int n, float fill) {
  return _mm512_mask_loadu_ps(set1(fill), first_lanes(n), x);
}
inline void store(float* out, Vec v) { _mm512_storeu_ps(out, v); }
inline void store_n(float* out, Vec v, int n) { _mm512_mask_storeu_ps(out, first_lanes(n), v); }

inline __m256i load_halves(const void* x) { return _mm256_loadu_si256(static_cast<const __m256i*>(x)); }
inline Vec load(const F16* x) { return _mm512_cvtph_ps(load_halves(x)); }
inline Vec load(const BF16* x) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(load_halves(x)), 16));
}
inline void store(F16* out, Vec v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out),
                      _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

inline Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
inline Vec sub(Vec a, Vec b) { return _mm512_sub_ps(a, b); }
inline Vec mul(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
inline Vec div(Vec a, Vec b) { return _mm512_div_ps(a, b); }
inline Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
// The second operand wins where one is NaN.
inline Vec max(Vec a, Vec b) { return _mm512_max_ps(a, b); }
inline Vec min(Vec a, Vec b) { return _mm512_min_ps(a, b); }
inline Vec abs(Vec a) { return _mm512_abs_ps(a); }
inline Vec copysign(Vec a, Vec sign) {
  const __m512i bit = _mm512_set1_epi32(INT32_MIN);
  return _mm512_castsi512_ps(  // bit ? sign : a
      _mm512_ternarylogic_epi32(bit, _mm512_castps_si512(sign), _mm512_castps_si512(a), 0xca));
}
inline Vec select_negative(Vec a, Vec if_negative, Vec otherwise) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, zero(), _CMP_LT_OQ), otherwise, if_negative);
}
// Lane i where bit i of `lanes` is set, `fill` elsewhere.
inline Vec keep_lanes(Vec v, uint32_t lanes, float fill) {
  return _mm512_mask_blend_ps(static_cast<__mmask16>(lanes), set1(fill), v);
}
inline Vec swap_pairs(Vec v) { return _mm512_permute_ps(v, 0xb1); }
inline Vec dup_pairs(const float* x) {
  const __m512i pairs = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
  return _mm512_permutexvar_ps(pairs, _mm512_castps256_ps512(_mm256_loadu_ps(x)));
}
inline Vec negate_even(Vec v) {
  return _mm512_castsi512_ps(_mm512_xor_si512(_mm512_castps_si512(v), _mm512_set1_epi64(int64_t{1} << 31)));
}

inline Vec round_even(Vec v) {
  return _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
// p * 2^n for whole n, rounded once.
inline Vec scale_exp2(Vec p, Vec n) { return _mm512_scalef_ps(p, n); }

inline float reduce_add(Vec v) {
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
inline float reduce_max(Vec v) {
  const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

using VecInt = __m512i;
using VecPairs = __m512i;
inline VecInt zero_int() { return _mm512_setzero_si512(); }
inline __m256i load_half(const void* x) { return _mm256_loadu_si256(static_cast<const __m256i*>(x)); }
inline VecPairs load_pairs(const int16_t* x) { return _mm512_loadu_si512(x); }
inline VecPairs load_pairs(const int8_t* x) { return _mm512_cvtepi8_epi16(load_half(x)); }
inline VecPairs load_pairs(const Nibbles* x) { return _mm512_cvtepu8_epi16(load_half(x)); }
// Four bits from `shift` on of each int16, less 8.
inline VecPairs nibble_pairs(VecPairs v, int shift) {
  v = _mm512_and_si512(_mm512_srl_epi16(v, _mm_cvtsi32_si128(shift)), _mm512_set1_epi16(15));
  return _mm512_sub_epi16(v, _mm512_set1_epi16(8));
}
inline VecPairs set1_pair(const void* x) {
  int32_t pair;
  __builtin_memcpy(&pair, x, 4);
  return _mm512_set1_epi32(pair);
}
// c + the sum of each pair's products.
inline VecInt dot(VecPairs a, VecPairs b, VecInt c) {
  c = _mm512_dpwssd_epi32(c, a, b);
  asm("" : "+v"(c));  // GCC 12 would also keep the sums of a loop in memory
  return c;
}
inline Vec to_float(VecInt v) { return _mm512_cvtepi32_ps(v); }
// Rounds to nearest, ties to even; |v| < 2^15. A NaN becomes any number.
inline void store_int16(int16_t* out, Vec v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(v)));
}

// Register tiles: at most 24 accumulators, so that vectors and a broadcast fit beside them in 32 registers.
constexpr int kTileRows = 6;
constexpr int tile_vectors(int) { return 4; }

}  // namespace
}  // namespace pingti
