// The inner product with AVX2: 16 rows (one panel) x a few columns. Included by avx2*.cc only.
//
// maddubs multiplies unsigned weights by signed activations into 16-bit sums of two; those are added as long
// as they cannot overflow, then widened by pmaddwd, which multiplies by a K-quant's sub-scale on the way.
// Weights of 8 bits would overflow: they are taken as magnitudes, their signs moved to the activations.
#pragma once

#include "kernels/isa/avx2_panel.h"

namespace pingti::avx2 {
namespace {

constexpr int kTileColumns = 4;

struct TileArgs {
  const std::byte* panel;
  int64_t blocks;            // of 32 values
  const ActivationBlock* x;  // first column
  int64_t x_stride;
  float* sums;  // [columns][16], written
};

constexpr int log2_of(int value) { return value <= 1 ? 0 : 1 + log2_of(value / 2); }

// Groups whose 16-bit sums can be added: each is at most 2 * 127 * (2^bits - 1).
constexpr int groups_per_sum(int bits) { return bits <= 4 ? 8 : bits == 5 ? 4 : bits == 6 ? 2 : 1; }
constexpr bool has_signed_weights(int bits) { return bits == 8; }

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

// 16-bit sums[half][column] += products of one group.
template <class S, int Columns, int Group>
PT_INLINE void add_group(const std::byte* block, const ActivationBlock* x, int64_t x_stride,
                         __m256i (&sums)[2][Columns]) {
  __m256i w[2] = {load_group<S::kStoredBits, Group>(block), load_group<S::kStoredBits, Group>(block + 32)};
  constexpr bool kSigned = has_signed_weights(S::Traits::kBits);
  if constexpr (kSigned) {
    w[0] = _mm256_xor_si256(w[0], _mm256_set1_epi8(-128));
    w[1] = _mm256_xor_si256(w[1], _mm256_set1_epi8(-128));
  }
#pragma GCC unroll 4
  for (int c = 0; c < Columns; ++c) {
    int32_t four;
    __builtin_memcpy(&four, x[c * x_stride].q + 4 * Group, 4);
    const __m256i a = _mm256_set1_epi32(four);
#pragma GCC unroll 2
    for (int h = 0; h < 2; ++h) {
      const __m256i products = kSigned
                                   ? _mm256_maddubs_epi16(_mm256_abs_epi8(w[h]), _mm256_sign_epi8(a, w[h]))
                                   : _mm256_maddubs_epi16(w[h], a);
      sums[h][c] = _mm256_add_epi16(sums[h][c], products);
    }
  }
}

template <class S, int Columns, int First, int Count>
PT_INLINE void add_groups(const std::byte* block, const ActivationBlock* x, int64_t x_stride,
                          __m256i (&sums)[2][Columns]) {
  add_group<S, Columns, First>(block, x, x_stride, sums);
  if constexpr (Count > 1) add_groups<S, Columns, First + 1, Count - 1>(block, x, x_stride, sums);
}

// totals[half][column] += factor[half] * (groups [First, Last) of a block), in 32 bits.
template <class S, int Columns, int First, int Last>
PT_INLINE void add_range(const std::byte* block, const ActivationBlock* x, int64_t x_stride,
                         const __m256i (&factors)[2], __m256i (&totals)[2][Columns]) {
  constexpr int kMost = groups_per_sum(S::Traits::kBits);
  constexpr int kCount = Last - First < kMost ? Last - First : kMost;
  __m256i sums[2][Columns];
#pragma GCC unroll 4
  for (int c = 0; c < Columns; ++c) sums[0][c] = sums[1][c] = _mm256_setzero_si256();
  add_groups<S, Columns, First, kCount>(block, x, x_stride, sums);
#pragma GCC unroll 4
  for (int c = 0; c < Columns; ++c) {
    totals[0][c] = _mm256_add_epi32(totals[0][c], _mm256_madd_epi16(sums[0][c], factors[0]));
    totals[1][c] = _mm256_add_epi32(totals[1][c], _mm256_madd_epi16(sums[1][c], factors[1]));
  }
  if constexpr (First + kCount < Last) {
    add_range<S, Columns, First + kCount, Last>(block, x, x_stride, factors, totals);
  }
}

// 8 rows' int8 scales from each of two places, as 16-bit pairs.
PT_INLINE __m256i scale_pairs(const std::byte* first, const std::byte* second) {
  return _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(load64(first), load64(second)));
}

// totals += sub-scale * integers, over the sub-blocks of one block.
template <class S, int Columns>
PT_INLINE void add_super_block(const std::byte* block, const std::byte* scales, const ActivationBlock* x,
                               int64_t x_stride, __m256i (&totals)[2][Columns]) {
  using T = typename S::Traits;
  const __m256i first[2] = {scale_pairs(scales, scales), scale_pairs(scales + kHalfRows, scales + kHalfRows)};
  if constexpr (T::kSubBlock == 32) {
    add_range<S, Columns, 0, 8>(block, x, x_stride, first, totals);
  } else {
    const std::byte* next = scales + kPanelRows;
    const __m256i second[2] = {scale_pairs(next, next), scale_pairs(next + kHalfRows, next + kHalfRows)};
    add_range<S, Columns, 0, 4>(block, x, x_stride, first, totals);
    add_range<S, Columns, 4, 8>(block, x, x_stride, second, totals);
  }
  if constexpr (T::kOffset != 0) {
    static_assert(T::kSubBlock == 16);
#pragma GCC unroll 2
    for (int h = 0; h < 2; ++h) {
      const __m256i pairs = scale_pairs(scales + h * kHalfRows, scales + kPanelRows + h * kHalfRows);
#pragma GCC unroll 4
      for (int c = 0; c < Columns; ++c) {
        int32_t half_sums;
        __builtin_memcpy(&half_sums, x[c * x_stride].half_sums, 4);
        const __m256i sum = _mm256_madd_epi16(pairs, _mm256_set1_epi32(half_sums));
        totals[h][c] = _mm256_sub_epi32(totals[h][c], _mm256_slli_epi32(sum, log2_of(T::kOffset)));
      }
    }
  }
}

template <int Columns>
PT_INLINE void clear(__m256i (&sums)[2][Columns]) {
#pragma GCC unroll 4
  for (int c = 0; c < Columns; ++c) sums[0][c] = sums[1][c] = _mm256_setzero_si256();
}

// sums += float(totals) * scale[row] * activation scale[column], in memory.
template <int Columns>
PT_INLINE void fold(const __m256i (&totals)[2][Columns], const __m256 (&scales)[2], const ActivationBlock* x,
                    int64_t x_stride, float* sums) {
#pragma GCC unroll 4
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
#pragma GCC unroll 4
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

// K-quants.
template <class S, int Columns>
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
    for (int i = 0; i < T::kUnitBlocks; ++i) {
      const std::byte* block = unit + T::kQuantsOffset + i * S::kBlockBytes;
      if constexpr (!S::kWidened) prefetch<S::kBlockBytes + 64>(block);
      const std::byte* scales = unit + T::kScalesOffset + i * kPanelRows * kActivationBlock / T::kSubBlock;
      add_super_block<S, Columns>(block, scales, x + i, x_stride, totals);
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
#pragma GCC unroll 8
  for (int i = 0; i < 2 * Columns; ++i) _mm256_store_ps(args.sums + kHalfRows * i, _mm256_setzero_ps());
  const __m256i ones = _mm256_set1_epi16(1);
  const __m256i factors[2] = {ones, ones};
  for (int64_t b = 0; b < args.blocks; ++b, ++x) {
    const std::byte* unit = args.panel + b / T::kUnitBlocks * S::kUnitBytes;
    const int i = static_cast<int>(b % T::kUnitBlocks);
    const std::byte* block = unit + T::kQuantsOffset + i * S::kBlockBytes;
    if constexpr (!S::kWidened) prefetch<S::kBlockBytes + 64>(block);
    __m256i totals[2][Columns];
    clear<Columns>(totals);
    if constexpr (T::kOffset != 0 && !has_signed_weights(T::kBits)) {
#pragma GCC unroll 4
      for (int c = 0; c < Columns; ++c) {
        totals[0][c] = totals[1][c] =
            _mm256_slli_epi32(_mm256_set1_epi32(x[c * x_stride].neg_sum), log2_of(T::kOffset));
      }
    }
    add_range<S, Columns, 0, 8>(block, x, x_stride, factors, totals);
    const std::byte* stored = unit + T::kScalesOffset + i * 2 * kPanelRows;
    const __m256 scales[2] = {load_halves(stored), load_halves(stored + 2 * kHalfRows)};
    fold<Columns>(totals, scales, x, x_stride, args.sums);
    if constexpr (T::kMin) {
#pragma GCC unroll 2
      for (int h = 0; h < 2; ++h) {
        const __m256 min = load_halves(unit + T::kMinsOffset + (i * kPanelRows + h * kHalfRows) * 2);
#pragma GCC unroll 4
        for (int c = 0; c < Columns; ++c) {
          float* out = args.sums + c * kPanelRows + h * kHalfRows;
          _mm256_store_ps(
              out, _mm256_fmadd_ps(min, _mm256_set1_ps(x[c * x_stride].scaled_sum), _mm256_load_ps(out)));
        }
      }
    }
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

using Tile = void (*)(const TileArgs& args);

template <class S>
struct Tiles {
  static constexpr Tile kByColumns[kTileColumns] = {tile<S, 1>, tile<S, 2>, tile<S, 3>, tile<S, 4>};
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

}  // namespace
}  // namespace pingti::avx2
