// linear_int8 with NEON: 16 rows (one panel) x a few columns, written once over the way a CPU sums products
// of bytes. Included by neon*.cc only.
//
// A register of weights holds 4 rows x 4 consecutive k as signed bytes: values of up to 6 bits are positive
// ones, values of 8 bits lose their offset of 128 as they are loaded. `Dot`, defined by neon_linear.cc,
// neondot_linear.cc and neoni8mm_linear.cc, has beside what one_panel_walk.inc asks for
//   add<S, Columns, First, Count>(block, x, x_stride, sums)
//                         sums[column][quarter] += products of groups [First, First + Count) of a block
//   widen<T>(block, out)   writes a block with a byte per value, in the order in which add() reads it
#pragma once

#include "base/check.h"
#include "kernels/isa/neon_panel.h"

namespace pingti::neon {
namespace {

template <int Columns>
using Sums = int32x4_t[Columns][kQuarters];

// Weights stream from memory: fetch them this many bytes ahead.
constexpr int kPrefetchBytes = 1024;

template <int Bytes>
PT_INLINE void prefetch(const std::byte* p) {
#pragma GCC unroll 16
  for (int i = 0; i < Bytes; i += 64) __builtin_prefetch(p + kPrefetchBytes + i);
}

template <int Columns>
PT_INLINE void clear(Sums<Columns>& sums) {
#pragma GCC unroll 4
  for (int c = 0; c < Columns; ++c) {
#pragma GCC unroll 4
    for (int h = 0; h < kQuarters; ++h) sums[c][h] = vdupq_n_s32(0);
  }
}

// Starts the sums of a sub-block at -offset * (sum of the activations it will cover).
enum class Part { kWhole, kLow, kHigh };
template <class T, Part P, int Columns>
PT_INLINE void start(const ActivationBlock* x, int64_t x_stride, Sums<Columns>& sums) {
  static_assert(T::kBits < 8 || T::kOffset == 128);
  if constexpr (T::kOffset == 0 || T::kBits == 8) {
    clear<Columns>(sums);
  } else {
#pragma GCC unroll 4
    for (int c = 0; c < Columns; ++c) {
      const ActivationBlock& a = x[c * x_stride];
      const int32_t neg = P == Part::kWhole ? a.neg_sum : P == Part::kLow ? a.neg_sum_lo : a.neg_sum_hi;
      const int32x4_t first = vshlq_n_s32(vdupq_n_s32(neg), log2_of(T::kOffset));
#pragma GCC unroll 4
      for (int h = 0; h < kQuarters; ++h) sums[c][h] = first;
    }
  }
}

// sums += float(totals) * scale[row] * activation scale[column], in memory.
template <int Columns>
PT_INLINE void fold(const Sums<Columns>& totals, const RowScales& scales, const ActivationBlock* x,
                    int64_t x_stride, float* sums) {
#pragma GCC unroll 4
  for (int c = 0; c < Columns; ++c) {
    const float a = x[c * x_stride].scale;
#pragma GCC unroll 4
    for (int h = 0; h < kQuarters; ++h) {
      float* out = sums + c * kPanelRows + h * kQuarterRows;
      vst1q_f32(out,
                vfmaq_f32(vld1q_f32(out), vcvtq_f32_s32(totals[c][h]), vmulq_n_f32(scales.quarter[h], a)));
    }
  }
}

// sum over sub-blocks of min * (sum of activations), two sub-blocks a step.
template <class T, int Columns>
PT_INLINE void add_mins(const std::byte* unit, const ActivationBlock* x, int64_t x_stride, float* sums) {
  Sums<Columns> totals;
  clear<Columns>(totals);
  for (int p = 0; p < T::kSubBlocks / 2; ++p) {
    const uint8x16x2_t stored =
        vld2q_u8(reinterpret_cast<const uint8_t*>(unit + T::kMinsOffset + p * 2 * kPanelRows));
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i) {
      const int16x8_t low = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(stored.val[i])));
      const int16x8_t high = vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(stored.val[i])));
#pragma GCC unroll 4
      for (int c = 0; c < Columns; ++c) {
        const ActivationBlock* column = x + c * x_stride;
        const int16_t sum = T::kSubBlock == 32 ? column[2 * p].pair_sums[i] : column[p].half_sums[i];
        totals[c][0] = vmlal_n_s16(totals[c][0], vget_low_s16(low), sum);
        totals[c][1] = vmlal_n_s16(totals[c][1], vget_high_s16(low), sum);
        totals[c][2] = vmlal_n_s16(totals[c][2], vget_low_s16(high), sum);
        totals[c][3] = vmlal_n_s16(totals[c][3], vget_high_s16(high), sum);
      }
    }
  }
  RowScales scales = load_row_halves(unit + T::kDminOffset);
#pragma GCC unroll 4
  for (float32x4_t& scale : scales.quarter) scale = vnegq_f32(scale);
  fold<Columns>(totals, scales, x, x_stride, sums);
}

// totals += scale * (integer sum of groups [First, First + Count) of a block), for one super-block format.
template <class Dot, class S, int Columns, int First, int Count>
PT_INLINE void add_sub_block(const std::byte* block, const std::byte* scales, const ActivationBlock* x,
                             int64_t x_stride, Sums<Columns>& totals) {
  constexpr Part kPart = Count == 8 ? Part::kWhole : First == 0 ? Part::kLow : Part::kHigh;
  Sums<Columns> sums;
  start<typename S::Traits, kPart, Columns>(x, x_stride, sums);
  Dot::template add<S, Columns, First, Count>(block, x, x_stride, sums);
  const RowIntegers scale = load_row_int8(scales);
#pragma GCC unroll 4
  for (int c = 0; c < Columns; ++c) {
#pragma GCC unroll 4
    for (int h = 0; h < kQuarters; ++h) totals[c][h] = vmlaq_s32(totals[c][h], sums[c][h], scale.quarter[h]);
  }
}

// K-quants.
template <class Dot, class S, int Columns>
PT_INLINE void super_tile(const TileArgs& args) {
  using T = typename S::Traits;
  const ActivationBlock* x = args.x;
  const int64_t x_stride = args.x_stride;
  const std::byte* unit = args.panel;
  for (int64_t b = 0; b < args.blocks; b += T::kUnitBlocks, x += T::kUnitBlocks, unit += S::kUnitBytes) {
    Sums<Columns> totals;
    clear<Columns>(totals);
#pragma GCC unroll 1
    for (int i = 0; i < T::kUnitBlocks; ++i) {
      const std::byte* block = unit + T::kQuantsOffset + i * S::kBlockBytes;
      const std::byte* scales = unit + T::kScalesOffset + i * kPanelRows * kActivationBlock / T::kSubBlock;
      if constexpr (!S::kWidened) prefetch<S::kBlockBytes + 64>(block);
      if constexpr (T::kSubBlock == 32) {
        add_sub_block<Dot, S, Columns, 0, 8>(block, scales, x + i, x_stride, totals);
      } else {
        add_sub_block<Dot, S, Columns, 0, 4>(block, scales, x + i, x_stride, totals);
        add_sub_block<Dot, S, Columns, 4, 4>(block, scales + kPanelRows, x + i, x_stride, totals);
      }
    }
    fold<Columns>(totals, load_row_halves(unit), x, x_stride, args.sums);
    if constexpr (T::kMin) add_mins<T, Columns>(unit, x, x_stride, args.sums);
  }
}

// sums += min[row] * (scaled sum of the block's activations).
template <int Columns>
PT_INLINE void add_block_min(const RowScales& mins, const ActivationBlock* x, int64_t x_stride, float* sums) {
#pragma GCC unroll 4
  for (int c = 0; c < Columns; ++c) {
    const float32x4_t sum = vdupq_n_f32(x[c * x_stride].scaled_sum);
#pragma GCC unroll 4
    for (int h = 0; h < kQuarters; ++h) {
      float* out = sums + c * kPanelRows + h * kQuarterRows;
      vst1q_f32(out, vfmaq_f32(vld1q_f32(out), mins.quarter[h], sum));
    }
  }
}

// Formats with one f16 scale per block.
template <class Dot, class S, int Columns>
PT_INLINE void plain_tile(const TileArgs& args) {
  using T = typename S::Traits;
  const ActivationBlock* x = args.x;
  const int64_t x_stride = args.x_stride;
  const std::byte* unit = args.panel;
#pragma GCC unroll 1
  for (int64_t b = 0; b < args.blocks; ++b, ++x) {
    const int i = static_cast<int>(b % T::kUnitBlocks);
    const std::byte* block = unit + T::kQuantsOffset + i * S::kBlockBytes;
    if constexpr (!S::kWidened) prefetch<S::kBlockBytes + 64>(block);
    Sums<Columns> sums;
    start<T, Part::kWhole, Columns>(x, x_stride, sums);
    Dot::template add<S, Columns, 0, 8>(block, x, x_stride, sums);
    fold<Columns>(sums, load_row_halves(unit + T::kScalesOffset + i * 2 * kPanelRows), x, x_stride,
                  args.sums);
    if constexpr (T::kMin) {
      add_block_min<Columns>(load_row_halves(unit + T::kMinsOffset + i * 2 * kPanelRows), x, x_stride,
                             args.sums);
    }
    if (i == T::kUnitBlocks - 1) unit += S::kUnitBytes;
  }
}

template <class Dot, class S, int Columns>
void tile(const TileArgs& args) {
#pragma GCC unroll 16
  for (int i = 0; i < kQuarters * Columns; ++i) vst1q_f32(args.sums + kQuarterRows * i, vdupq_n_f32(0.0f));
  if constexpr (S::Traits::kSuper) {
    super_tile<Dot, S, Columns>(args);
  } else {
    plain_tile<Dot, S, Columns>(args);
  }
}

// Rewrites a panel with a byte per value: same integers, same scales.
template <class Dot, class T>
void widen(const std::byte* panel, int64_t units, std::byte* out) {
  for (int64_t u = 0; u < units; ++u, panel += T::kUnitBytes, out += T::Wide::kUnitBytes) {
    __builtin_memcpy(out, panel, T::kQuantsOffset);
    for (int b = 0; b < T::kUnitBlocks; ++b) {
      const std::byte* block = panel + T::kQuantsOffset + b * T::kBlockBytes;
      prefetch<T::kBlockBytes>(block);
      Dot::template widen<T>(block, out + T::Wide::kQuantsOffset + b * T::Wide::kBlockBytes);
    }
  }
}

#include "kernels/isa/one_panel_walk.inc"

// What widen() of `Dot` is where groups are read in their own order.
template <class T, int Group = 0>
PT_INLINE void widen_in_order(const std::byte* block, std::byte* out) {
#pragma GCC unroll 4
  for (int h = 0; h < kQuarters; ++h) {
    store_s8(out + 64 * Group + 16 * h, load_signed_group<T::kBits, Group>(block + 16 * h));
  }
  if constexpr (Group < 7) widen_in_order<T, Group + 1>(block, out);
}

// A quarter of a group of either source.
template <class S, int Group>
PT_INLINE int8x16_t weights(const std::byte* block, int quarter) {
  if constexpr (S::kWidened) {
    return vreinterpretq_s8_u8(load_u8(block + 64 * Group + 16 * quarter));
  } else {
    return load_signed_group<S::Traits::kBits, Group>(block + 16 * quarter);
  }
}

}  // namespace
}  // namespace pingti::neon
