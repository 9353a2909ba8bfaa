// What the products of AVX2 and of AVX-VNNI share: sources of weights, tiles but for their integer products,
// folds to float, widening, the walk over panels. Included by avx2*.cc and avxvnni*.cc only; a tile is 16
// rows (one panel) x a few columns.
//
// The products are static members of a class `Dot`, in 32 bits, [half of the panel][column]:
//   add_block<S>(block, x, x_stride, sums)                     sums = sum of (q - offset) * a over one block
//   add_super_block<S>(block, scales, x, x_stride, totals)     totals += scale * that, over its sub-blocks
#pragma once

#include "base/check.h"
#include "kernels/isa/avx2_panel.h"

namespace pingti::avx2 {
namespace {

struct TileArgs {
  const std::byte* panel;
  int64_t blocks;            // of 32 values
  const ActivationBlock* x;  // first column
  int64_t x_stride;
  float* sums;  // [columns][16], written
};

constexpr int kTileColumns = 4;
// Up to so many columns the bit planes are read anew for each tile; above, panels are widened first.
constexpr int kDirectColumns = 2 * kTileColumns;

constexpr int log2_of(int value) { return value <= 1 ? 0 : 1 + log2_of(value / 2); }

constexpr int kPrefetchBytes = 2048;

template <int Bytes>
PT_INLINE void prefetch(const std::byte* p) {
#pragma GCC unroll 16
  for (int i = 0; i < Bytes; i += 64) _mm_prefetch(p + kPrefetchBytes + i, _MM_HINT_T0);
}

// A source of weights: the panel's own bit planes, or (Widened) a byte per value.
template <class T, bool Widened>
struct Source {
  using Traits = T;
  static constexpr bool kWidened = Widened;
  static constexpr int kUnitBytes = Widened ? T::Wide::kUnitBytes : T::kUnitBytes;
  static constexpr int kBlockBytes = Widened ? T::Wide::kBlockBytes : T::kBlockBytes;
  static constexpr int kStoredBits = Widened ? 8 : T::kBits;
};

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

using Tile = void (*)(const TileArgs& args);

template <class Dot, class S>
struct Tiles {
  static constexpr Tile kByColumns[kTileColumns] = {tile<Dot, S, 1>, tile<Dot, S, 2>, tile<Dot, S, 3>,
                                                    tile<Dot, S, 4>};
};

template <class T, int Group>
PT_INLINE void widen_groups(const std::byte* block, std::byte* out) {
  _mm256_store_si256(reinterpret_cast<__m256i*>(out + 64 * Group), load_group<T::kBits, Group>(block));
  if constexpr (Group < 7) widen_groups<T, Group + 1>(block, out);
}

// Rewrites a panel with a byte per value: same integers, same scales.
template <class T>
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

// All columns over panels [begin, end), which lie panel_bytes apart from `data` on.
template <class Dot, class S>
void run_tiles(const LinearArgs& args, const std::byte* data, int64_t panel_bytes, int64_t begin,
               int64_t end) {
  alignas(32) float sums[kTileColumns * kPanelRows];
  const int tiles = (args.columns + kTileColumns - 1) / kTileColumns;
  for (int t = 0; t < tiles; ++t) {
    const auto first = static_cast<int>(int64_t{args.columns} * t / tiles);
    const auto columns = static_cast<int>(int64_t{args.columns} * (t + 1) / tiles) - first;
    for (int64_t panel = begin; panel < end; ++panel) {
      const TileArgs tile_args = {.panel = data + (panel - begin) * panel_bytes,
                                  .blocks = args.weight->cols / kActivationBlock,
                                  .x = args.x_int8 + first * args.x_stride,
                                  .x_stride = args.x_stride,
                                  .sums = sums};
      Tiles<Dot, S>::kByColumns[columns - 1](tile_args);
      store_panel(args, panel, first, columns, sums);
    }
  }
}

template <class Dot, class T>
void run(const LinearArgs& args) {
  const PackedMatrix& w = *args.weight;
  const bool direct = T::kBits == 8 || args.columns <= kDirectColumns;
  const int64_t units = w.panel_bytes / T::kUnitBytes;
  const int64_t wide_bytes = units * T::Wide::kUnitBytes;
  const int64_t fitting = args.columns <= kTileColumns ? 1 : kWideScratchBytes / wide_bytes;
  const int64_t step = fitting < 1 ? 1 : fitting;
  for (int64_t begin = args.panel_begin; begin < args.panel_end; begin += step) {
    const int64_t end = begin + step < args.panel_end ? begin + step : args.panel_end;
    if (direct) {
      run_tiles<Dot, Source<T, false>>(args, w.data + begin * w.panel_bytes, w.panel_bytes, begin, end);
      continue;
    }
    for (int64_t p = begin; p < end; ++p) {
      widen<T>(w.data + p * w.panel_bytes, units, args.scratch + (p - begin) * wide_bytes);
    }
    run_tiles<Dot, Source<T, true>>(args, args.scratch, wide_bytes, begin, end);
  }
}

template <class Dot>
PT_INLINE void run_format(const LinearArgs& args) {
  PT_CHECK(args.x_int8->scale_block >= args.weight->layout->scale_block);
  switch (args.weight->layout->kind) {
#define PT_PACKED(name, bits, sub_block, super, min, offset) \
  case PackedKind::k##name:                                  \
    return run<Dot, Packed##name>(args);
#include "kernels/isa/packed_formats.inc"
#undef PT_PACKED
    default:
      PT_CHECK(!"float formats have no int8 product");
  }
}

}  // namespace
}  // namespace pingti::avx2
