#include <immintrin.h>

#include "kernels/isa/functions.h"

namespace pingti::avx2 {

// The dot product this instruction set has: unsigned times signed bytes to 16-bit sums, eight of which, the
// most that cannot overflow with weights of 4 bits, are widened to 32 bits together.
PeakRun int8_peak(int64_t iterations) {
  constexpr int kChains = 8;
  constexpr int kSteps = 8;
  __m256i sums[kChains];
#pragma GCC unroll 16
  for (__m256i& sum : sums) {
    sum = _mm256_setzero_si256();
    asm volatile("" : "+x"(sum));  // else all chains would be seen to be one
  }
  __m256i weights = _mm256_set1_epi8(1);
  __m256i activations = _mm256_set1_epi8(1);
  const __m256i ones = _mm256_set1_epi16(1);
  for (int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 16
    for (__m256i& sum : sums) {
      __m256i products = _mm256_setzero_si256();
#pragma GCC unroll 8
      for (int step = 0; step < kSteps; ++step) {
        asm volatile("" : "+x"(weights), "+x"(activations));
        products = _mm256_add_epi16(products, _mm256_maddubs_epi16(weights, activations));
      }
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(products, ones));
    }
  }
#pragma GCC unroll 16
  for (__m256i& sum : sums) asm volatile("" : "+x"(sum));
  return {.operations = iterations * kChains * kSteps * 32 * 2,
          .instructions = iterations * kChains * (kSteps + 1),
          .most_per_cycle = 2};
}

}  // namespace pingti::avx2
