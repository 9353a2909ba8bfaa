// e^x for x <= 0 in arithmetic the compiler turns into vector code; within 2 units in the last place, 0 below
// -87 and for NaN. The same bits everywhere, unlike libm's.
#pragma once

#include <bit>
#include <cstdint>

namespace pingti {

inline float fast_exp(float x) {
  constexpr float kMagic = 0x1.8p23f;  // adding and subtracting it rounds to a whole number
  const float bounded = x > -87.0f ? x : -87.0f;
  const float n = (bounded * 1.44269504f + kMagic) - kMagic;
  const float r = (bounded - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 0.00138167268866f;
  p = p * r + 0.00836871008897f;
  p = p * r + 0.0416683466281f;
  p = p * r + 0.166665208649f;
  p = p * r + 0.499999936546f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const auto power = static_cast<uint32_t>(static_cast<int32_t>(n) + 127) << 23;
  const float value = p * std::bit_cast<float>(power);
  return x > -87.0f ? value : 0.0f;
}

}  // namespace pingti
