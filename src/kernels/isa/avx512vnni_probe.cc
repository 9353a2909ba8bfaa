#include <immintrin.h>

#include "kernels/isa/functions.h"

namespace pingti::avx512vnni {

// 16 independent chains hide the latency of 4 to 5 cycles on both multiply ports. The empty asm keeps the
// compiler from seeing that the inputs never change.
PeakRun int8_peak(int64_t iterations) {
  constexpr int kChains = 16;
  __m512i sums[kChains];
#pragma GCC unroll 16
  for (__m512i& sum : sums) {
    sum = _mm512_setzero_si512();
    asm volatile("" : "+v"(sum));  // else all chains would be seen to be one
  }
  __m512i weights = _mm512_set1_epi8(1);
  __m512i activations = _mm512_set1_epi8(1);
  for (int64_t i = 0; i < iterations; ++i) {
    asm volatile("" : "+v"(weights), "+v"(activations));
#pragma GCC unroll 16
    for (__m512i& sum : sums) sum = _mm512_dpbusd_epi32(sum, weights, activations);
  }
#pragma GCC unroll 16
  for (__m512i& sum : sums) asm volatile("" : "+v"(sum));
  return {
      .operations = iterations * kChains * 64 * 2, .instructions = iterations * kChains, .most_per_cycle = 2};
}

}  // namespace pingti::avx512vnni
