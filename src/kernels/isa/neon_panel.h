// Reading packed panels with NEON: a panel's 16 rows are four quarters of 4. Included by neon*.cc only.
#pragma once

#include <arm_neon.h>

#include "kernels/isa/one_panel.h"

namespace pingti::neon {
namespace {

#define PT_INLINE [[gnu::always_inline]] inline

constexpr int kQuarters = 4;
constexpr int kQuarterRows = kPanelRows / kQuarters;

PT_INLINE uint8x16_t load_u8(const std::byte* src) { return vld1q_u8(reinterpret_cast<const uint8_t*>(src)); }

PT_INLINE void store_s8(std::byte* out, int8x16_t v) { vst1q_s8(reinterpret_cast<int8_t*>(out), v); }

// v << Left where it is positive, v >> -Left otherwise.
template <int Left>
PT_INLINE uint8x16_t shift(uint8x16_t v) {
  if constexpr (Left == 0) return v;
  if constexpr (Left > 0) return vshlq_n_u8(v, Left > 0 ? Left : 0);
  if constexpr (Left < 0) return vshrq_n_u8(v, Left < 0 ? -Left : 1);
}

// Group `Group` of 4 rows: an unsigned byte for each of 4 values. `block` points at the quarter: 16 bytes
// each into every vector of 64.
template <int Bits, int Group>
PT_INLINE uint8x16_t load_group(const std::byte* block) {
  if constexpr (Bits == 8) {
    return load_u8(block + 64 * Group);
  } else if constexpr (Bits >= 4) {
    const uint8x16_t nibbles = load_u8(block + 64 * (Group % 4));
    const uint8x16_t low = Group < 4 ? vandq_u8(nibbles, vdupq_n_u8(0x0f)) : vshrq_n_u8(nibbles, 4);
    if constexpr (Bits == 4) return low;
    constexpr int kHighBits = Bits - 4;
    const uint8x16_t plane = load_u8(block + 64 * (kHighBits == 1 ? 4 : 4 + Group / 4));
    constexpr int kFrom = kHighBits == 1 ? Group : 2 * (Group % 4);
    return vorrq_u8(low, vandq_u8(shift<4 - kFrom>(plane), vdupq_n_u8(kHighBits == 1 ? 0x10 : 0x30)));
  } else {
    const uint8x16_t pairs = load_u8(block + 64 * (Group / 4));
    const uint8x16_t low = vandq_u8(shift<-2 * (Group % 4)>(pairs), vdupq_n_u8(3));
    if constexpr (Bits == 2) return low;
    return vorrq_u8(low, vandq_u8(shift<2 - Group>(load_u8(block + 128)), vdupq_n_u8(4)));
  }
}

// The same as signed bytes. Values of 8 bits give up their offset of 128 here; smaller ones stay as they are.
template <int Bits, int Group>
PT_INLINE int8x16_t load_signed_group(const std::byte* block) {
  const uint8x16_t bytes = load_group<Bits, Group>(block);
  return vreinterpretq_s8_u8(Bits == 8 ? veorq_u8(bytes, vdupq_n_u8(0x80)) : bytes);
}

PT_INLINE float32x4_t load_halves(const std::byte* src) {
  return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(reinterpret_cast<const uint16_t*>(src))));
}

struct RowScales {
  float32x4_t quarter[kQuarters];
};
PT_INLINE RowScales load_row_halves(const std::byte* src) {
  return {{load_halves(src), load_halves(src + 8), load_halves(src + 16), load_halves(src + 24)}};
}

struct RowIntegers {
  int32x4_t quarter[kQuarters];
};
PT_INLINE RowIntegers load_row_int8(const std::byte* src) {
  const int8x16_t bytes = vreinterpretq_s8_u8(load_u8(src));
  const int16x8_t low = vmovl_s8(vget_low_s8(bytes));
  const int16x8_t high = vmovl_s8(vget_high_s8(bytes));
  return {{vmovl_s16(vget_low_s16(low)), vmovl_s16(vget_high_s16(low)), vmovl_s16(vget_low_s16(high)),
           vmovl_s16(vget_high_s16(high))}};
}

}  // namespace
}  // namespace pingti::neon
