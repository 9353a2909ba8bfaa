#include <immintrin.h>

#include "kernels/isa/functions.h"

namespace pingti::avx2 {
namespace {

struct Quarter {  // 8 values
  __m256 x;
};

// Values [i, i + 32) of x, zeros past `end`.
void load_padded(const float* x, int64_t i, int64_t end, Quarter (&out)[4]) {
  alignas(32) float padded[kActivationBlock] = {};
  const float* src = x + i;
  if (end - i < kActivationBlock) {
    for (int64_t k = 0; k < end - i; ++k) padded[k] = x[i + k];
    src = padded;
  }
  for (int k = 0; k < 4; ++k) out[k].x = _mm256_loadu_ps(src + 8 * k);
}

// Largest magnitude; NaN counts as nothing.
float peak_of(const float* x, int64_t begin, int64_t end) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  __m256 peak = _mm256_setzero_ps();
  for (int64_t i = begin; i < end; i += kActivationBlock) {
    Quarter quarters[4];
    load_padded(x, i, end, quarters);
    for (const Quarter& q : quarters) peak = _mm256_max_ps(_mm256_andnot_ps(sign, q.x), peak);
  }
  alignas(32) float lanes[8];
  _mm256_store_ps(lanes, peak);
  float most = 0.0f;
  for (float lane : lanes) most = lane > most ? lane : most;
  return most;
}

// Eight integers; NaN gives 0.
__m256i round_products(__m256 x, __m256 inverse) {
  const __m256 product = _mm256_mul_ps(x, inverse);
  return _mm256_cvtps_epi32(_mm256_and_ps(product, _mm256_cmp_ps(product, product, _CMP_ORD_Q)));
}

__m128i narrow(__m256i integers) {  // 8 x 32 bits -> 8 x 16 bits
  return _mm_packs_epi32(_mm256_castsi256_si128(integers), _mm256_extracti128_si256(integers, 1));
}

// Quantizes 16 values to `q` and returns their sum.
int quantize_half(const Quarter& first, const Quarter& second, __m256 inverse, int8_t* q) {
  const __m128i words[2] = {narrow(round_products(first.x, inverse)),
                            narrow(round_products(second.x, inverse))};
  _mm_store_si128(reinterpret_cast<__m128i*>(q), _mm_packs_epi16(words[0], words[1]));
  const __m128i sums = _mm_madd_epi16(_mm_add_epi16(words[0], words[1]), _mm_set1_epi16(1));
  const __m128i pairs = _mm_add_epi32(sums, _mm_shuffle_epi32(sums, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(pairs, _mm_shuffle_epi32(pairs, 0xb1)));
}

struct HalfSums {  // of 16 integers each
  int lo, hi;
};

HalfSums quantize_block(const float* x, int64_t i, int64_t end, float inverse, int8_t* q) {
  const __m256 factor = _mm256_set1_ps(inverse);
  Quarter quarters[4];
  load_padded(x, i, end, quarters);
  return {quantize_half(quarters[0], quarters[1], factor, q),
          quantize_half(quarters[2], quarters[3], factor, q + 16)};
}

}  // namespace

#include "kernels/isa/quantize.inc"

}  // namespace pingti::avx2
