// e^x for x <= 0, one number or four: within 2 units in the last place, 0 below -87 and for NaN. Plain
// arithmetic of fixed order, so the bits are the same everywhere, unlike libm's.
#pragma once

#include <bit>
#include <cstdint>

namespace pingti {

// GCC's and clang's vector types: registers on every processor we build for.
using Float4 = float __attribute__((vector_size(16)));
using Int4 = int32_t __attribute__((vector_size(16)));

namespace detail {

// p(r) 2^n: the parts of e^x for x >= -87.
template <class F>
struct ExpParts {
  F n;
  F p;
};
template <class F>
ExpParts<F> exp_parts(F x) {
  constexpr float kMagic = 0x1.8p23f;  // adding and subtracting it rounds to a whole number
  const F n = (x * 1.44269504f + kMagic) - kMagic;
  const F r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  F p = r * 0.00138167268866f + 0.00836871008897f;
  p = p * r + 0.0416683466281f;
  p = p * r + 0.166665208649f;
  p = p * r + 0.499999936546f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  return {n, p};
}

}  // namespace detail

inline float fast_exp(float x) {
  const auto [n, p] = detail::exp_parts(x > -87.0f ? x : -87.0f);
  const auto power = static_cast<uint32_t>(static_cast<int32_t>(n) + 127) << 23;
  return x > -87.0f ? p * std::bit_cast<float>(power) : 0.0f;
}

inline Float4 fast_exp(Float4 x) {
  const Int4 inside = x > -87.0f;
  const auto bounded = std::bit_cast<Float4>((std::bit_cast<Int4>(x) & inside) |
                                             (std::bit_cast<Int4>(Float4{} - 87.0f) & ~inside));
  const auto [n, p] = detail::exp_parts(bounded);
  const Int4 power = (__builtin_convertvector(n, Int4) + 127) << 23;
  return std::bit_cast<Float4>(std::bit_cast<Int4>(p * std::bit_cast<Float4>(power)) & inside);
}

}  // namespace pingti
