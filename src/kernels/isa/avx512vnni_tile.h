// The inner product: 32 rows (two panels) x a few columns. Included by avx512vnni*.cc only.
//
// Lanes are rows; a dword of the weights holds 4 consecutive k, meeting the same 4 activations broadcast from
// memory (vpdpbusd). No shuffles, no horizontal sums. Integer sums start at -offset * sum(activations), so
// that unsigned weights cost nothing.
#pragma once

#include "kernels/isa/avx512vnni_panel.h"

namespace pingti::avx512vnni {
namespace {

constexpr int kTileColumns = 6;
constexpr int kTileRows = 2 * kPanelRows;

struct TileArgs {
  const std::byte* panels[2];
  int64_t blocks;            // of 32 values
  const ActivationBlock* x;  // first column
  int64_t x_stride;
  float* sums;          // [columns][32], written
  int64_t panel_bytes;  // the next pair of panels lies two panels further
  int tile, tiles;      // which of the tiles that share these panels, one after the other
};

constexpr int log2_of(int value) { return value <= 1 ? 0 : 1 + log2_of(value / 2); }

// Pins an integer sum where it is: the compiler would otherwise add up several sub-blocks' products first,
// holding a dozen registers more than there are.
PT_INLINE void pin(__m512i& sum) { asm("" : "+v"(sum)); }

// Weights stream from memory: fetch them this many bytes ahead.
constexpr int64_t kPrefetchBytes = 4096;

template <int Bytes>
PT_INLINE void prefetch(const std::byte* p) {
#pragma GCC unroll 16
  for (int i = 0; i < Bytes; i += 64) _mm_prefetch(p + i, _MM_HINT_T0);
}

// What is fetched from memory while a tile is computed.
//   One tile per pair of panels: the rest of each panel, then the start of the next pair's, which the other
//   panel separates from it.
//   Several tiles (more columns): the next pair, a share of it in each of this pair's tiles, so that memory
//   and arithmetic are busy at the same time.
struct Ahead {
  int64_t distance;
  const std::byte* end[2];
  int64_t skip;
  const std::byte* next;  // several tiles: this tile's share of the next pair
  int lines;              // of it, per block; 0: one tile

  PT_INLINE explicit Ahead(const TileArgs& args)
      : distance(args.panel_bytes < kPrefetchBytes ? args.panel_bytes : kPrefetchBytes),
        end{args.panels[0] + args.panel_bytes, args.panels[1] + args.panel_bytes},
        skip(args.panel_bytes) {
    const int64_t share = 2 * args.panel_bytes / args.tiles;
    next = args.panels[0] + 2 * args.panel_bytes + args.tile * share;
    lines = args.tiles == 1 ? 0 : static_cast<int>((share + 64 * args.blocks - 1) / (64 * args.blocks));
  }

  template <int Bytes>
  PT_INLINE void fetch(const std::byte* const (&block)[2]) {
    if (lines > 0) {
#pragma GCC unroll 1
      for (int i = 0; i < lines; ++i, next += 64) _mm_prefetch(next, _MM_HINT_T1);
      return;
    }
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i) {
      const std::byte* at = block[i] + distance;
      prefetch<Bytes>(at < end[i] ? at : at + skip);
    }
  }
};

// The broadcast start value of an integer sum; `neg_sum` is minus the sum of the activations it will cover.
template <class T>
PT_INLINE __m512i first_sum(const int32_t* neg_sum) {
  if constexpr (T::kOffset == 0) return _mm512_setzero_si512();
  return _mm512_slli_epi32(_mm512_set1_epi32(*neg_sum), log2_of(T::kOffset));
}

template <class T, int Columns, int Group>
PT_INLINE void add_group(const std::byte* const (&block)[2], const ActivationBlock* x, int64_t x_stride,
                         __m512i (&sums)[2][Columns]) {
  const __m512i w0 = load_group<T::kBits, Group>(block[0]);
  const __m512i w1 = load_group<T::kBits, Group>(block[1]);
#pragma GCC unroll 8
  for (int c = 0; c < Columns; ++c) {
    int32_t four;
    __builtin_memcpy(&four, x[c * x_stride].q + 4 * Group, 4);
    const __m512i a = _mm512_set1_epi32(four);
    sums[0][c] = _mm512_dpbusd_epi32(sums[0][c], w0, a);
    sums[1][c] = _mm512_dpbusd_epi32(sums[1][c], w1, a);
  }
}

// Groups [First, First + Count) of a block.
template <class T, int Columns, int First, int Count>
PT_INLINE void add_groups(const std::byte* const (&block)[2], const ActivationBlock* x, int64_t x_stride,
                          __m512i (&sums)[2][Columns]) {
  add_group<T, Columns, First>(block, x, x_stride, sums);
  if constexpr (Count > 1) add_groups<T, Columns, First + 1, Count - 1>(block, x, x_stride, sums);
}

// totals += scale * (integer sum of sub-block `Half` of a block), for one super-block format.
template <class T, int Columns, int Half>
PT_INLINE void add_sub_block(const std::byte* const (&block)[2], const std::byte* const (&scales)[2],
                             const ActivationBlock* x, int64_t x_stride, __m512i (&totals)[2][Columns]) {
  constexpr int kGroups = T::kSubBlock / 4;
  __m512i sums[2][Columns];
#pragma GCC unroll 8
  for (int c = 0; c < Columns; ++c) {
    const ActivationBlock& a = x[c * x_stride];
    const int32_t* neg = T::kSubBlock == 32 ? &a.neg_sum : Half == 0 ? &a.neg_sum_lo : &a.neg_sum_hi;
    sums[0][c] = sums[1][c] = first_sum<T>(neg);
  }
  add_groups<T, Columns, Half * kGroups, kGroups>(block, x, x_stride, sums);
  const __m512i s0 = load_int8_scales(scales[0] + Half * kPanelRows);
  const __m512i s1 = load_int8_scales(scales[1] + Half * kPanelRows);
#pragma GCC unroll 8
  for (int c = 0; c < Columns; ++c) {
    totals[0][c] = _mm512_add_epi32(totals[0][c], _mm512_mullo_epi32(sums[0][c], s0));
    totals[1][c] = _mm512_add_epi32(totals[1][c], _mm512_mullo_epi32(sums[1][c], s1));
    pin(totals[0][c]);
    pin(totals[1][c]);
  }
}

template <int Columns>
PT_INLINE void clear(__m512i (&sums)[2][Columns]) {
#pragma GCC unroll 8
  for (int c = 0; c < Columns; ++c) sums[0][c] = sums[1][c] = _mm512_setzero_si512();
}

// sums += float(totals) * scale[row] * activation scale[column], in memory.
template <int Columns>
PT_INLINE void fold(const __m512i (&totals)[2][Columns], __m512 scale0, __m512 scale1,
                    const ActivationBlock* x, int64_t x_stride, float* sums) {
#pragma GCC unroll 8
  for (int c = 0; c < Columns; ++c) {
    const __m512 a = _mm512_set1_ps(x[c * x_stride].scale);
    float* out = sums + c * kTileRows;
    _mm512_store_ps(out, _mm512_fmadd_ps(_mm512_cvtepi32_ps(totals[0][c]), _mm512_mul_ps(scale0, a),
                                         _mm512_load_ps(out)));
    _mm512_store_ps(out + 16, _mm512_fmadd_ps(_mm512_cvtepi32_ps(totals[1][c]), _mm512_mul_ps(scale1, a),
                                              _mm512_load_ps(out + 16)));
  }
}

PT_INLINE __m512 negated(__m512 x) { return _mm512_xor_ps(x, _mm512_set1_ps(-0.0f)); }

// sum over sub-blocks of min * (sum of activations): 16-bit pairs, two sub-blocks a step.
template <class T, int Columns>
PT_INLINE void add_mins(const std::byte* const (&unit)[2], const ActivationBlock* x, int64_t x_stride,
                        float* sums) {
  __m512i totals[2][Columns];
  clear<Columns>(totals);
#pragma GCC unroll 1
  for (int p = 0; p < T::kSubBlocks / 2; ++p) {
    __m512i mins[2];
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i) {
      mins[i] = _mm512_cvtepu8_epi16(
          _mm256_load_si256(reinterpret_cast<const __m256i*>(unit[i] + T::kMinsOffset + p * 2 * kPanelRows)));
    }
#pragma GCC unroll 8
    for (int c = 0; c < Columns; ++c) {
      const ActivationBlock* column = x + c * x_stride;
      int32_t pair;
      __builtin_memcpy(&pair, T::kSubBlock == 32 ? column[2 * p].pair_sums : column[p].half_sums, 4);
      totals[0][c] = _mm512_dpwssd_epi32(totals[0][c], mins[0], _mm512_set1_epi32(pair));
      totals[1][c] = _mm512_dpwssd_epi32(totals[1][c], mins[1], _mm512_set1_epi32(pair));
    }
  }
  fold<Columns>(totals, negated(load_halves(unit[0] + T::kDminOffset)),
                negated(load_halves(unit[1] + T::kDminOffset)), x, x_stride, sums);
}

// K-quants.
template <class T, int Columns, bool Prefetch>
PT_INLINE void super_tile(const TileArgs& args) {
  const ActivationBlock* x = args.x;
  const int64_t x_stride = args.x_stride;
  float* sums = args.sums;
#pragma GCC unroll 16
  for (int i = 0; i < 2 * Columns; ++i) _mm512_store_ps(sums + 16 * i, _mm512_setzero_ps());
  const std::byte* unit[2] = {args.panels[0], args.panels[1]};
  Ahead ahead(args);
  for (int64_t b = 0; b < args.blocks; b += T::kUnitBlocks, x += T::kUnitBlocks) {
    __m512i totals[2][Columns];
    clear<Columns>(totals);
#pragma GCC unroll 1
    for (int i = 0; i < T::kUnitBlocks; ++i) {
      const std::byte* const block[2] = {unit[0] + T::kQuantsOffset + i * T::kBlockBytes,
                                         unit[1] + T::kQuantsOffset + i * T::kBlockBytes};
      constexpr int kStep = kPanelRows * kActivationBlock / T::kSubBlock;
      const std::byte* const scales[2] = {unit[0] + T::kScalesOffset + i * kStep,
                                          unit[1] + T::kScalesOffset + i * kStep};
      if constexpr (Prefetch) {
        ahead.fetch<T::kBlockBytes + 64>(block);
      }
      add_sub_block<T, Columns, 0>(block, scales, x + i, x_stride, totals);
      if constexpr (T::kSubBlock == 16) add_sub_block<T, Columns, 1>(block, scales, x + i, x_stride, totals);
    }
    fold<Columns>(totals, load_halves(unit[0]), load_halves(unit[1]), x, x_stride, sums);
    if constexpr (T::kMin) add_mins<T, Columns>(unit, x, x_stride, sums);
    unit[0] += T::kUnitBytes;
    unit[1] += T::kUnitBytes;
    asm volatile("" ::: "memory");  // the float sums stay in memory: their registers are needed
  }
}

// Formats with one f16 scale per block.
template <class T, int Columns, bool Prefetch>
PT_INLINE void plain_tile(const TileArgs& args) {
  const ActivationBlock* x = args.x;
  const int64_t x_stride = args.x_stride;
  __m512 acc[2][Columns];
#pragma GCC unroll 8
  for (int c = 0; c < Columns; ++c) acc[0][c] = acc[1][c] = _mm512_setzero_ps();
  const std::byte* unit[2] = {args.panels[0], args.panels[1]};
  Ahead ahead(args);
#pragma GCC unroll 1
  for (int64_t b = 0; b < args.blocks; ++b, ++x) {
    const int i = static_cast<int>(b % T::kUnitBlocks);
    const std::byte* const block[2] = {unit[0] + T::kQuantsOffset + i * T::kBlockBytes,
                                       unit[1] + T::kQuantsOffset + i * T::kBlockBytes};
    if constexpr (Prefetch) {
      ahead.fetch<T::kBlockBytes + 64>(block);
    }
    __m512i sums[2][Columns];
#pragma GCC unroll 8
    for (int c = 0; c < Columns; ++c) sums[0][c] = sums[1][c] = first_sum<T>(&x[c * x_stride].neg_sum);
    add_groups<T, Columns, 0, 8>(block, x, x_stride, sums);
#pragma GCC unroll 2
    for (int p = 0; p < 2; ++p) {
      const __m512 scale = load_halves(unit[p] + T::kScalesOffset + i * 2 * kPanelRows);
#pragma GCC unroll 8
      for (int c = 0; c < Columns; ++c) {
        const __m512 scales = _mm512_mul_ps(scale, _mm512_set1_ps(x[c * x_stride].scale));
        acc[p][c] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums[p][c]), scales, acc[p][c]);
      }
      if constexpr (T::kMin) {
        const __m512 min = load_halves(unit[p] + T::kMinsOffset + i * 2 * kPanelRows);
#pragma GCC unroll 8
        for (int c = 0; c < Columns; ++c) {
          acc[p][c] = _mm512_fmadd_ps(min, _mm512_set1_ps(x[c * x_stride].scaled_sum), acc[p][c]);
        }
      }
    }
    if (i == T::kUnitBlocks - 1) {
      unit[0] += T::kUnitBytes;
      unit[1] += T::kUnitBytes;
    }
  }
#pragma GCC unroll 8
  for (int c = 0; c < Columns; ++c) {
    _mm512_store_ps(args.sums + c * kTileRows, acc[0][c]);
    _mm512_store_ps(args.sums + c * kTileRows + 16, acc[1][c]);
  }
}

// Prefetch: the weights come from memory, not from widened scratch.
template <class T, int Columns, bool Prefetch>
void tile(const TileArgs& args) {
  if constexpr (T::kSuper) {
    super_tile<T, Columns, Prefetch>(args);
  } else {
    plain_tile<T, Columns, Prefetch>(args);
  }
}

using Tile = void (*)(const TileArgs& args);

template <class T, bool Prefetch>
struct Tiles {
  static constexpr Tile kByColumns[kTileColumns] = {tile<T, 1, Prefetch>, tile<T, 2, Prefetch>,
                                                    tile<T, 3, Prefetch>, tile<T, 4, Prefetch>,
                                                    tile<T, 5, Prefetch>, tile<T, 6, Prefetch>};
};

// Rewrites a panel with a byte per value: same integers, same scales.
template <class T>
void widen(const std::byte* panel, int64_t units, std::byte* out) {
  for (int64_t u = 0; u < units; ++u, panel += T::kUnitBytes, out += T::Wide::kUnitBytes) {
#pragma GCC unroll 16
    for (int i = 0; i < T::kQuantsOffset; i += 64) {
      _mm512_store_si512(out + i, _mm512_load_si512(panel + i));
    }
    for (int b = 0; b < T::kUnitBlocks; ++b) {
      const std::byte* block = panel + T::kQuantsOffset + b * T::kBlockBytes;
      std::byte* wide = out + T::Wide::kQuantsOffset + b * T::Wide::kBlockBytes;
      prefetch<T::kBlockBytes>(block + kPrefetchBytes);
      _mm512_store_si512(wide, load_group<T::kBits, 0>(block));
      _mm512_store_si512(wide + 64, load_group<T::kBits, 1>(block));
      _mm512_store_si512(wide + 128, load_group<T::kBits, 2>(block));
      _mm512_store_si512(wide + 192, load_group<T::kBits, 3>(block));
      _mm512_store_si512(wide + 256, load_group<T::kBits, 4>(block));
      _mm512_store_si512(wide + 320, load_group<T::kBits, 5>(block));
      _mm512_store_si512(wide + 384, load_group<T::kBits, 6>(block));
      _mm512_store_si512(wide + 448, load_group<T::kBits, 7>(block));
    }
  }
}

}  // namespace
}  // namespace pingti::avx512vnni
