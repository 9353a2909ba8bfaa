#include <immintrin.h>

#include "kernels/isa/functions.h"

namespace pingti::avxvnni {

// 12 independent chains hide the latency of 4 to 5 cycles on two ports.
PeakRun int8_peak(int64_t iterations) {
  constexpr int kChains = 12;
  __m256i sums[kChains];
#pragma GCC unroll 16
  for (__m256i& sum : sums) {
    sum = _mm256_setzero_si256();
    asm volatile("" : "+x"(sum));  // else all chains would be seen to be one
  }
  __m256i weights = _mm256_set1_epi8(1);
  __m256i activations = _mm256_set1_epi8(1);
  for (int64_t i = 0; i < iterations; ++i) {
    asm volatile("" : "+x"(weights), "+x"(activations));
#pragma GCC unroll 16
    for (__m256i& sum : sums) sum = _mm256_dpbusd_avx_epi32(sum, weights, activations);
  }
#pragma GCC unroll 16
  for (__m256i& sum : sums) asm volatile("" : "+x"(sum));
  return {
      .operations = iterations * kChains * 32 * 2, .instructions = iterations * kChains, .most_per_cycle = 2};
}

}  // namespace pingti::avxvnni
