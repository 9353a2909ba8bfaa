// The inner product with AVX2: 16 rows (one panel) x a few columns. Included by avx2*.cc only.
//
// maddubs multiplies unsigned weights by signed activations into 16-bit sums of two; those are added as long
// as they cannot overflow, then widened by pmaddwd, which multiplies by a K-quant's sub-scale on the way.
// Weights of 8 bits would overflow: they are taken as magnitudes, their signs moved to the activations.
#pragma once

#include "kernels/isa/avx2_fold.h"

namespace pingti::avx2 {
namespace {

// Groups whose 16-bit sums can be added: each is at most 2 * 127 * (2^bits - 1).
constexpr int groups_per_sum(int bits) { return bits <= 4 ? 8 : bits == 5 ? 4 : bits == 6 ? 2 : 1; }
constexpr bool has_signed_weights(int bits) { return bits == 8; }

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

struct PairSums : TileShape {
  template <class S, int Columns>
  PT_INLINE static void add_block(const std::byte* block, const ActivationBlock* x, int64_t x_stride,
                                  __m256i (&sums)[2][Columns]) {
    using T = typename S::Traits;
    const __m256i ones = _mm256_set1_epi16(1);
    clear<Columns>(sums);
    if constexpr (T::kOffset != 0 && !has_signed_weights(T::kBits)) {
#pragma GCC unroll 4
      for (int c = 0; c < Columns; ++c) {
        sums[0][c] = sums[1][c] =
            _mm256_slli_epi32(_mm256_set1_epi32(x[c * x_stride].neg_sum), log2_of(T::kOffset));
      }
    }
    const __m256i factors[2] = {ones, ones};
    add_range<S, Columns, 0, 8>(block, x, x_stride, factors, sums);
  }

  template <class S, int Columns>
  PT_INLINE static void add_super_block(const std::byte* block, const std::byte* scales,
                                        const ActivationBlock* x, int64_t x_stride,
                                        __m256i (&totals)[2][Columns]) {
    using T = typename S::Traits;
    const __m256i first[2] = {scale_pairs(scales, scales),
                              scale_pairs(scales + kHalfRows, scales + kHalfRows)};
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
};

}  // namespace
}  // namespace pingti::avx2
