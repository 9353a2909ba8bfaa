// What the products of AVX2 and of AVX-VNNI share: tiles but for their integer products, folds to float,
// widening. Included by avx2*.cc and avxvnni*.cc only; a tile is 16
// rows (one panel) x a few columns.
//
// The products are static members of a class `Dot`, a TileShape, in 32 bits, [half of the panel][column]:
//   add_block<S>(block, x, x_stride, sums)                     sums = sum of (q - offset) * a over one block
//   add_super_block<S>(block, scales, x, x_stride, totals)     totals += scale * that, over its sub-blocks
#pragma once

#include "base/check.h"
#include "kernels/isa/avx2_panel.h"

namespace pingti::avx2 {
namespace {

// Of every Dot here: more columns spill.
struct TileShape {
  static constexpr int kTileColumns = 4;
  static constexpr int kDirectColumns = 2 * kTileColumns;
  static constexpr bool kWidensBytes = false;
};

constexpr int kPrefetchBytes = 2048;

template <int Bytes>
PT_INLINE void prefetch(const std::byte* p) {
#pragma GCC unroll 16
  for (int i = 0; i < Bytes; i += 64) _mm_prefetch(p + kPrefetchBytes + i, _MM_HINT_T0);
}

template <int Columns>
PT_INLINE void clear(__m256i (&sums)[2][Columns]) {
#pragma GCC unroll 8
  for (int c = 0; c < Columns; ++c) sums[0][c] = sums[1][c] = _mm256_setzero_si256();
}

// sums += float(totals) * scale[row] * activation scale[column], in memory.
template <int Columns>
PT_INLINE void fold(const __m256i (&totals)[2][Columns], const __m256 (&scales)[2], const ActivationBlock* x,
                    int64_t x_stride, float* sums) {
#pragma GCC unroll 8
  for (int c = 0; c < Columns; ++c) {
    const __m256 a = _mm256_set1_ps(x[c * x_stride].scale);
#pragma GCC unroll 2
    for (int h = 0; h < 2; ++h) {
      float* out = sums + c * kPanelRows + h * kHalfRows;
      _mm256_store_ps(out, _mm256_fmadd_ps(_mm256_cvtepi32_ps(totals[h][c]), _mm256_mul_ps(scales[h], a),
                                           _mm256_load_ps(out)));
    }
  }
}

// sum over sub-blocks of min * (sum of activations), two sub-blocks a step.
template <class T, int Columns>
PT_INLINE void add_mins(const std::byte* unit, const ActivationBlock* x, int64_t x_stride, float* sums) {
  __m256i totals[2][Columns];
  clear<Columns>(totals);
  for (int p = 0; p < T::kSubBlocks / 2; ++p) {
    const std::byte* stored = unit + T::kMinsOffset + p * 2 * kPanelRows;
    const __m256i mins[2] = {_mm256_cvtepu8_epi16(load128(stored)),
                             _mm256_cvtepu8_epi16(load128(stored + 2 * kHalfRows))};
#pragma GCC unroll 8
    for (int c = 0; c < Columns; ++c) {
      const ActivationBlock* column = x + c * x_stride;
      int32_t pair;
      __builtin_memcpy(&pair, T::kSubBlock == 32 ? column[2 * p].pair_sums : column[p].half_sums, 4);
      totals[0][c] = _mm256_add_epi32(totals[0][c], _mm256_madd_epi16(mins[0], _mm256_set1_epi32(pair)));
      totals[1][c] = _mm256_add_epi32(totals[1][c], _mm256_madd_epi16(mins[1], _mm256_set1_epi32(pair)));
    }
  }
  const __m256 sign = _mm256_set1_ps(-0.0f);
  const __m256 scales[2] = {_mm256_xor_ps(load_halves(unit + T::kDminOffset), sign),
                            _mm256_xor_ps(load_halves(unit + T::kDminOffset + 2 * kHalfRows), sign)};
  fold<Columns>(totals, scales, x, x_stride, sums);
}

// sums += min[row] * (scaled sum of the block's activations); `mins` are the block's 16.
template <int Columns>
PT_INLINE void add_block_min(const std::byte* mins, const ActivationBlock* x, int64_t x_stride, float* sums) {
#pragma GCC unroll 2
  for (int h = 0; h < 2; ++h) {
    const __m256 min = load_halves(mins + h * 2 * kHalfRows);
#pragma GCC unroll 8
    for (int c = 0; c < Columns; ++c) {
      float* out = sums + c * kPanelRows + h * kHalfRows;
      _mm256_store_ps(out,
                      _mm256_fmadd_ps(min, _mm256_set1_ps(x[c * x_stride].scaled_sum), _mm256_load_ps(out)));
    }
  }
}

// K-quants.
template <class Dot, class S, int Columns>
PT_INLINE void super_tile(const TileArgs& args) {
  using T = typename S::Traits;
  const ActivationBlock* x = args.x;
  const int64_t x_stride = args.x_stride;
#pragma GCC unroll 8
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
      Dot::template add_super_block<S>(block, scales, x + i, x_stride, totals);
    }
    const __m256 scales[2] = {load_halves(unit), load_halves(unit + 2 * kHalfRows)};
    fold<Columns>(totals, scales, x, x_stride, args.sums);
    if constexpr (T::kMin) add_mins<T, Columns>(unit, x, x_stride, args.sums);
  }
}

// Formats with one f16 scale per block.
template <class Dot, class S, int Columns>
PT_INLINE void plain_tile(const TileArgs& args) {
  using T = typename S::Traits;
  const ActivationBlock* x = args.x;
  const int64_t x_stride = args.x_stride;
#pragma GCC unroll 8
  for (int i = 0; i < 2 * Columns; ++i) _mm256_store_ps(args.sums + kHalfRows * i, _mm256_setzero_ps());
  const std::byte* unit = args.panel;
#pragma GCC unroll 1
  for (int64_t b = 0; b < args.blocks; ++b, ++x) {
    const int i = static_cast<int>(b % T::kUnitBlocks);
    const std::byte* block = unit + T::kQuantsOffset + i * S::kBlockBytes;
    if constexpr (!S::kWidened) prefetch<S::kBlockBytes + 64>(block);
    __m256i sums[2][Columns];
    Dot::template add_block<S>(block, x, x_stride, sums);
    const std::byte* stored = unit + T::kScalesOffset + i * 2 * kPanelRows;
    const __m256 scales[2] = {load_halves(stored), load_halves(stored + 2 * kHalfRows)};
    fold<Columns>(sums, scales, x, x_stride, args.sums);
    if constexpr (T::kMin)
      add_block_min<Columns>(unit + T::kMinsOffset + i * 2 * kPanelRows, x, x_stride, args.sums);
    if (i == T::kUnitBlocks - 1) unit += S::kUnitBytes;
  }
}

template <class Dot, class S, int Columns>
void tile(const TileArgs& args) {
  if constexpr (S::Traits::kSuper) {
    super_tile<Dot, S, Columns>(args);
  } else {
    plain_tile<Dot, S, Columns>(args);
  }
}

template <class T, int Group>
PT_INLINE void widen_groups(const std::byte* block, std::byte* out) {
  _mm256_store_si256(reinterpret_cast<__m256i*>(out + 64 * Group), load_group<T::kBits, Group>(block));
  if constexpr (Group < 7) widen_groups<T, Group + 1>(block, out);
}

// Rewrites a panel with a byte per value: same integers, same scales.
template <class, class T>
void widen(const std::byte* panel, int64_t units, std::byte* out) {
  for (int64_t u = 0; u < units; ++u, panel += T::kUnitBytes, out += T::Wide::kUnitBytes) {
    for (int i = 0; i < T::kQuantsOffset; i += 32) {
      _mm256_store_si256(reinterpret_cast<__m256i*>(out + i), load256(panel + i));
    }
    for (int b = 0; b < T::kUnitBlocks; ++b) {
      const std::byte* block = panel + T::kQuantsOffset + b * T::kBlockBytes;
      std::byte* wide = out + T::Wide::kQuantsOffset + b * T::Wide::kBlockBytes;
      prefetch<T::kBlockBytes>(block);
      widen_groups<T, 0>(block, wide);
      widen_groups<T, 0>(block + 32, wide + 32);
    }
  }
}

#include "kernels/isa/one_panel_walk.inc"

}  // namespace
}  // namespace pingti::avx2
