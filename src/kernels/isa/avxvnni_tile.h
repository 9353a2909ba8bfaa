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

struct ByteDot : TileShape {
  template <class S, int Columns>
  PT_INLINE static void add_block(const std::byte* block, const ActivationBlock* x, int64_t x_stride,
                                  __m256i (&sums)[2][Columns]) {
#pragma GCC unroll 8
    for (int c = 0; c < Columns; ++c)
      sums[0][c] = sums[1][c] = first_sum<typename S::Traits>(&x[c * x_stride].neg_sum);
    add_groups<S, Columns, 0, 8>(block, x, x_stride, sums);
  }

  template <class S, int Columns>
  PT_INLINE static void add_super_block(const std::byte* block, const std::byte* scales,
                                        const ActivationBlock* x, int64_t x_stride,
                                        __m256i (&totals)[2][Columns]) {
    add_sub_block<S, Columns, 0>(block, scales, x, x_stride, totals);
    if constexpr (S::Traits::kSubBlock == 16)
      add_sub_block<S, Columns, 1>(block, scales, x, x_stride, totals);
  }
};

}  // namespace
}  // namespace pingti::avxvnni
