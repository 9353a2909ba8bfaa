#include <immintrin.h>

#include "kernels/isa/functions.h"

namespace pingti::avx512vnni {
namespace {

// Values [i, i + 16) of x, zeros past `end`.
__m512 load_padded(const float* x, int64_t i, int64_t end) {
  const int64_t left = end - i;
  if (left >= 16) return _mm512_loadu_ps(x + i);
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>(left <= 0 ? 0 : (1 << left) - 1), x + i);
}

// Largest magnitude; NaN counts as nothing.
float peak_of(const float* x, int64_t begin, int64_t end) {
  __m512 peak = _mm512_setzero_ps();
  for (int64_t i = begin; i < end; i += 16) peak = _mm512_max_ps(_mm512_abs_ps(load_padded(x, i, end)), peak);
  return _mm512_reduce_max_ps(peak);
}

struct Half {
  __m128i q;
  int sum;
};

Half quantize_half(__m512 x, __m512 inverse) {
  const __m128i q = _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(_mm512_mul_ps(x, inverse)));
  return {q, _mm512_reduce_add_epi32(_mm512_cvtepi8_epi32(q))};
}

struct HalfSums {  // of 16 integers each
  int lo, hi;
};

HalfSums quantize_block(const float* x, int64_t i, int64_t end, float inverse, int8_t* q) {
  const __m512 factor = _mm512_set1_ps(inverse);
  const Half lo = quantize_half(load_padded(x, i, end), factor);
  const Half hi = quantize_half(load_padded(x, i + 16, end), factor);
  _mm_store_si128(reinterpret_cast<__m128i*>(q), lo.q);
  _mm_store_si128(reinterpret_cast<__m128i*>(q + 16), hi.q);
  return {lo.sum, hi.sum};
}

}  // namespace

#include "kernels/isa/quantize.inc"

}  // namespace pingti::avx512vnni
