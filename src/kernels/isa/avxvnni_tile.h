// The inner product with AVX-VNNI (vpdpbusd on 256 bits): 16 rows (one panel) x a few columns. Included by
// avxvnni*.cc only.
//
// As with AVX-512, unsigned weights meet signed activations in one instruction that sums into 32 bits, and
// integer sums start at -offset * sum(activations). 16 registers hold the integer sums, two vectors of
// weights and one of activations; K-quants' totals over a super-block and the float sums stay in memory.
#pragma once

#include "kernels/isa/avx2_fold.h"

namespace pingti::avxvnni {
namespace {

using namespace avx2;

constexpr int kTileColumns = 4;

// Pins an integer sum where it is: the compiler would otherwise interleave sub-blocks and run out of
// registers.
PT_INLINE void pin(__m256i& sum) { asm("" : "+x"(sum)); }

// The broadcast start value of an integer sum; `neg_sum` is minus the sum of the activations it will cover.
template <class T>
PT_INLINE __m256i first_sum(const int32_t* neg_sum) {
  if constexpr (T::kOffset == 0) return _mm256_setzero_si256();
  return _mm256_slli_epi32(_mm256_set1_epi32(*neg_sum), log2_of(T::kOffset));
}

// sums[half][column] += products of groups [Group, Last) of a block.
template <class S, int Columns, int Group, int Last>
PT_INLINE void add_groups(const std::byte* block, const ActivationBlock* x, int64_t x_stride,
                          __m256i (&sums)[2][Columns]) {
  const __m256i w0 = load_group<S::kStoredBits, Group>(block);
  const __m256i w1 = load_group<S::kStoredBits, Group>(block + 32);
#pragma GCC unroll 8
  for (int c = 0; c < Columns; ++c) {
    int32_t four;
    __builtin_memcpy(&four, x[c * x_stride].q + 4 * Group, 4);
    const __m256i a = _mm256_set1_epi32(four);
    sums[0][c] = _mm256_dpbusd_avx_epi32(sums[0][c], w0, a);
    sums[1][c] = _mm256_dpbusd_avx_epi32(sums[1][c], w1, a);
  }
  if constexpr (Group + 1 < Last) add_groups<S, Columns, Group + 1, Last>(block, x, x_stride, sums);
}

// totals += scale * (integer sum of sub-block `Half` of a block).
template <class S, int Columns, int Half>
PT_INLINE void add_sub_block(const std::byte* block, const std::byte* scales, const ActivationBlock* x,
                             int64_t x_stride, __m256i (&totals)[2][Columns]) {
  using T = typename S::Traits;
  constexpr int kGroups = T::kSubBlock / 4;
  __m256i sums[2][Columns];
#pragma GCC unroll 8
  for (int c = 0; c < Columns; ++c) {
    const ActivationBlock& a = x[c * x_stride];
    const int32_t* neg = T::kSubBlock == 32 ? &a.neg_sum : Half == 0 ? &a.neg_sum_lo : &a.neg_sum_hi;
    sums[0][c] = sums[1][c] = first_sum<T>(neg);
  }
  add_groups<S, Columns, Half * kGroups, (Half + 1) * kGroups>(block, x, x_stride, sums);
#pragma GCC unroll 2
  for (int h = 0; h < 2; ++h) {
    const __m256i scale = _mm256_cvtepi8_epi32(load64(scales + Half * kPanelRows + h * kHalfRows));
#pragma GCC unroll 8
    for (int c = 0; c < Columns; ++c) {
      totals[h][c] = _mm256_add_epi32(totals[h][c], _mm256_mullo_epi32(sums[h][c], scale));
      pin(totals[h][c]);
    }
  }
}

// K-quants.
template <class S, int Columns>
PT_INLINE void super_tile(const TileArgs& args) {
  using T = typename S::Traits;
  const ActivationBlock* x = args.x;
  const int64_t x_stride = args.x_stride;
#pragma GCC unroll 16
  for (int i = 0; i < 2 * Columns; ++i) _mm256_store_ps(args.sums + kHalfRows * i, _mm256_setzero_ps());
  const std::byte* unit = args.panel;
  for (int64_t b = 0; b < args.blocks; b += T::kUnitBlocks, x += T::kUnitBlocks, unit += S::kUnitBytes) {
    __m256i totals[2][Columns];
    clear<Columns>(totals);
#pragma GCC unroll 1
    for (int i = 0; i < T::kUnitBlocks; ++i) {
      const std::byte* block = unit + T::kQuantsOffset + i * S::kBlockBytes;
      const std::byte* scales = unit + T::kScalesOffset + i * kPanelRows * kActivationBlock / T::kSubBlock;
      if constexpr (!S::kWidened) prefetch<S::kBlockBytes + 64>(block);
      add_sub_block<S, Columns, 0>(block, scales, x + i, x_stride, totals);
      if constexpr (T::kSubBlock == 16) add_sub_block<S, Columns, 1>(block, scales, x + i, x_stride, totals);
    }
    const __m256 scales[2] = {load_halves(unit), load_halves(unit + 2 * kHalfRows)};
    fold<Columns>(totals, scales, x, x_stride, args.sums);
    if constexpr (T::kMin) add_mins<T, Columns>(unit, x, x_stride, args.sums);
  }
}

// Formats with one f16 scale per block.
template <class S, int Columns>
PT_INLINE void plain_tile(const TileArgs& args) {
  using T = typename S::Traits;
  const ActivationBlock* x = args.x;
  const int64_t x_stride = args.x_stride;
#pragma GCC unroll 16
  for (int i = 0; i < 2 * Columns; ++i) _mm256_store_ps(args.sums + kHalfRows * i, _mm256_setzero_ps());
  const std::byte* unit = args.panel;
#pragma GCC unroll 1
  for (int64_t b = 0; b < args.blocks; ++b, ++x) {
    const int i = static_cast<int>(b % T::kUnitBlocks);
    const std::byte* block = unit + T::kQuantsOffset + i * S::kBlockBytes;
    if constexpr (!S::kWidened) prefetch<S::kBlockBytes + 64>(block);
    __m256i sums[2][Columns];
#pragma GCC unroll 8
    for (int c = 0; c < Columns; ++c) sums[0][c] = sums[1][c] = first_sum<T>(&x[c * x_stride].neg_sum);
    add_groups<S, Columns, 0, 8>(block, x, x_stride, sums);
    const std::byte* stored = unit + T::kScalesOffset + i * 2 * kPanelRows;
    const __m256 scales[2] = {load_halves(stored), load_halves(stored + 2 * kHalfRows)};
    fold<Columns>(sums, scales, x, x_stride, args.sums);
    if constexpr (T::kMin)
      add_block_min<Columns>(unit + T::kMinsOffset + i * 2 * kPanelRows, x, x_stride, args.sums);
    if (i == T::kUnitBlocks - 1) unit += S::kUnitBytes;
  }
}

template <class S, int Columns>
void tile(const TileArgs& args) {
  if constexpr (S::Traits::kSuper) {
    super_tile<S, Columns>(args);
  } else {
    plain_tile<S, Columns>(args);
  }
}

template <class S>
struct Tiles {
  static constexpr Tile kByColumns[kTileColumns] = {tile<S, 1>, tile<S, 2>, tile<S, 3>, tile<S, 4>};
};

}  // namespace
}  // namespace pingti::avxvnni
