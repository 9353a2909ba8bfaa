// e^x for x <= 0: within 2 units in the last place, 0 below -87 and for NaN. Plain arithmetic of fixed order,
// so the bits are the same everywhere, unlike libm's. For single candidates; a vocabulary takes
// Kernels::max_and_sum_exp.
#pragma once

#include <bit>
#include <cstdint>

namespace pingti {

inline float fast_exp(float x) {
  if (!(x > -87.0f)) return 0.0f;
  constexpr float kMagic = 0x1.8p23f;  // adding and subtracting it rounds to a whole number
  const float n = (x * 1.44269504f + kMagic) - kMagic;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = r * 0.00138167268866f + 0.00836871008897f;
  p = p * r + 0.0416683466281f;
  p = p * r + 0.166665208649f;
  p = p * r + 0.499999936546f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const auto power = static_cast<uint32_t>(static_cast<int32_t>(n) + 127) << 23;
  return p * std::bit_cast<float>(power);
}

}  // namespace pingti
