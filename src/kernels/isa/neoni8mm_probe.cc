#include <arm_neon.h>

#include "kernels/isa/functions.h"

namespace pingti::neoni8mm {

// 16 independent chains hide the latency of 3 to 4 cycles on up to four ports.
PeakRun int8_peak(int64_t iterations) {
  constexpr int kChains = 16;
  int32x4_t sums[kChains];
#pragma GCC unroll 16
  for (int32x4_t& sum : sums) {
    sum = vdupq_n_s32(0);
    asm volatile("" : "+w"(sum));  // else all chains would be seen to be one
  }
  int8x16_t weights = vdupq_n_s8(1);
  int8x16_t activations = vdupq_n_s8(1);
  for (int64_t i = 0; i < iterations; ++i) {
    asm volatile("" : "+w"(weights), "+w"(activations));
#pragma GCC unroll 16
    for (int32x4_t& sum : sums) sum = vmmlaq_s32(sum, weights, activations);
  }
#pragma GCC unroll 16
  for (int32x4_t& sum : sums) asm volatile("" : "+w"(sum));
  return {
      .operations = iterations * kChains * 32 * 2, .instructions = iterations * kChains, .most_per_cycle = 4};
}

}  // namespace pingti::neoni8mm
