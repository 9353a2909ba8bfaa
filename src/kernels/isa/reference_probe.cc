#include "kernels/isa/functions.h"

namespace pingti::reference {

// Plain integer multiply-adds, as the compiler makes them for the baseline instruction set.
PeakRun int8_peak(int64_t iterations) {
  constexpr int kValues = 1024;
  int8_t a[kValues];
  int8_t b[kValues];
  for (int i = 0; i < kValues; ++i) a[i] = b[i] = static_cast<int8_t>(i);
  int32_t total = 0;
  for (int64_t i = 0; i < iterations; ++i) {
    asm volatile("" : : "r"(a), "r"(b) : "memory");
    int32_t sum = 0;
    for (int k = 0; k < kValues; ++k) sum += int32_t{a[k]} * b[k];
    total += sum;
  }
  asm volatile("" : "+r"(total));
  return {.operations = iterations * kValues * 2, .instructions = 0, .most_per_cycle = 0};
}

}  // namespace pingti::reference
