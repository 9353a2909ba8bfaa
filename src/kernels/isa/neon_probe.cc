#include <arm_neon.h>

#include "kernels/isa/functions.h"

namespace pingti::neon {

// The dot product of every AArch64 CPU: signed bytes to 16-bit sums, eight of which, the most that cannot
// overflow with weights of 5 bits, are widened to 32 bits together.
PeakRun int8_peak(int64_t iterations) {
  constexpr int kChains = 8;
  constexpr int kSteps = 8;
  int32x4_t sums[kChains];
#pragma GCC unroll 16
  for (int32x4_t& sum : sums) {
    sum = vdupq_n_s32(0);
    asm volatile("" : "+w"(sum));  // else all chains would be seen to be one
  }
  int8x8_t weights = vdup_n_s8(1);
  int8x8_t activations = vdup_n_s8(1);
  for (int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 16
    for (int32x4_t& sum : sums) {
      int16x8_t products = vdupq_n_s16(0);
#pragma GCC unroll 8
      for (int step = 0; step < kSteps; ++step) {
        asm volatile("" : "+w"(weights), "+w"(activations));
        products = vmlal_s8(products, weights, activations);
      }
      sum = vpadalq_s16(sum, products);
    }
  }
#pragma GCC unroll 16
  for (int32x4_t& sum : sums) asm volatile("" : "+w"(sum));
  return {.operations = iterations * kChains * kSteps * 8 * 2,
          .instructions = iterations * kChains * kSteps,
          .most_per_cycle = 4};
}

}  // namespace pingti::neon
