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

}  // namespace

void quantize(const float* x, int64_t count, int scale_block, ActivationBlock* out) {
  for (int64_t begin = 0; begin < count; begin += scale_block) {
    const int64_t end = begin + scale_block < count ? begin + scale_block : count;
    const float peak = peak_of(x, begin, end);
    const bool zero = peak < 1e-30f;  // below this the inverse overflows
    const float scale = zero ? 0.0f : peak / 127.0f;
    const __m512 inverse = _mm512_set1_ps(zero ? 0.0f : 127.0f / peak);
    for (int64_t i = begin; i < end; i += kActivationBlock) {
      ActivationBlock& block = out[i / kActivationBlock];
      const Half lo = quantize_half(load_padded(x, i, end), inverse);
      const Half hi = quantize_half(load_padded(x, i + 16, end), inverse);
      _mm_store_si128(reinterpret_cast<__m128i*>(block.q), lo.q);
      _mm_store_si128(reinterpret_cast<__m128i*>(block.q + 16), hi.q);
      const int sum = lo.sum + hi.sum;
      block.scale = scale;
      block.scaled_sum = scale * static_cast<float>(sum);
      block.neg_sum = -sum;
      block.neg_sum_lo = -lo.sum;
      block.neg_sum_hi = -hi.sum;
      block.half_sums[0] = static_cast<int16_t>(lo.sum);
      block.half_sums[1] = static_cast<int16_t>(hi.sum);
      block.pair_sums[0] = block.pair_sums[1] = 0;
      block.scale_block = scale_block;
      if (scale_block == kActivationBlock) continue;
      if ((i - begin) / kActivationBlock % 2 == 0) {
        block.pair_sums[0] = static_cast<int16_t>(sum);
      } else {
        out[i / kActivationBlock - 1].pair_sums[1] = static_cast<int16_t>(sum);
      }
    }
  }
}

}  // namespace pingti::avx512vnni
