// linear_int8 for AArch64 CPUs with int8 matrix products (smmla): 2 rows x 8 k meet 2 columns x 8 k, twice
// the work of sdot. Rows are brought together from two groups: as they are loaded for few columns, once per
// panel for more. A single column is left to sdot.
#include "kernels/isa/functions.h"
#include "kernels/isa/neon_tile.h"

namespace pingti::neoni8mm {
namespace {

using namespace neon;

constexpr int kRowPairs = kPanelRows / 2;

struct RowPairs {
  int8x16_t pair[kRowPairs];  // 2 rows x 8 k
};

template <int Bits, int Group>
PT_INLINE RowPairs zip_groups(const std::byte* block) {
  RowPairs out;
#pragma GCC unroll 4
  for (int h = 0; h < kQuarters; ++h) {
    const int32x4_t first = vreinterpretq_s32_s8(load_signed_group<Bits, Group>(block + 16 * h));
    const int32x4_t second = vreinterpretq_s32_s8(load_signed_group<Bits, Group + 1>(block + 16 * h));
    out.pair[2 * h] = vreinterpretq_s8_s32(vzip1q_s32(first, second));
    out.pair[2 * h + 1] = vreinterpretq_s8_s32(vzip2q_s32(first, second));
  }
  return out;
}

struct MatrixProduct {
  static constexpr int kTileColumns = 4;  // 16 sums, 8 registers of weights, 2 of activations
  static constexpr int kDirectColumns = 4;
  static constexpr bool kWidensBytes = true;

  template <class S, int Group>
  PT_INLINE static RowPairs load_pairs(const std::byte* block) {
    if constexpr (!S::kWidened) return zip_groups<S::Traits::kBits, Group>(block);
    RowPairs out;
#pragma GCC unroll 8
    for (int i = 0; i < kRowPairs; ++i)
      out.pair[i] = vreinterpretq_s8_u8(load_u8(block + 64 * Group + 16 * i));
    return out;
  }

  // products[column pair][row pair] = {row 0 x column 0, row 0 x column 1, row 1 x column 0, row 1 x column
  // 1}
  template <class S, int Columns, int Group, int Last, int Pairs>
  PT_INLINE static void add_pairs(const std::byte* block, const ActivationBlock* x, int64_t x_stride,
                                  int32x4_t (&products)[Pairs][kRowPairs]) {
    const RowPairs w = load_pairs<S, Group>(block);
#pragma GCC unroll 2
    for (int p = 0; p < Pairs; ++p) {
      const int second = 2 * p + 1 < Columns ? 2 * p + 1 : 2 * p;  // an odd last column meets itself
      const int8x16_t a = vcombine_s8(vld1_s8(x[2 * p * x_stride].q + 4 * Group),
                                      vld1_s8(x[second * x_stride].q + 4 * Group));
#pragma GCC unroll 8
      for (int i = 0; i < kRowPairs; ++i) products[p][i] = vmmlaq_s32(products[p][i], w.pair[i], a);
    }
    if constexpr (Group + 2 < Last) add_pairs<S, Columns, Group + 2, Last>(block, x, x_stride, products);
  }

  template <class S, int Columns, int First, int Count>
  PT_INLINE static void add(const std::byte* block, const ActivationBlock* x, int64_t x_stride,
                            Sums<Columns>& sums) {
    constexpr int kPairs = (Columns + 1) / 2;
    int32x4_t products[kPairs][kRowPairs];
#pragma GCC unroll 2
    for (auto& row : products) {
#pragma GCC unroll 8
      for (int32x4_t& product : row) product = vdupq_n_s32(0);
    }
    add_pairs<S, Columns, First, First + Count>(block, x, x_stride, products);
#pragma GCC unroll 4
    for (int c = 0; c < Columns; ++c) {
#pragma GCC unroll 4
      for (int h = 0; h < kQuarters; ++h) {
        const int32x4_t low = products[c / 2][2 * h];
        const int32x4_t high = products[c / 2][2 * h + 1];
        sums[c][h] = vaddq_s32(sums[c][h], c % 2 == 0 ? vuzp1q_s32(low, high) : vuzp2q_s32(low, high));
      }
    }
  }

  template <class T, int Group = 0>
  PT_INLINE static void widen(const std::byte* block, std::byte* out) {
    const RowPairs pairs = zip_groups<T::kBits, Group>(block);
#pragma GCC unroll 8
    for (int i = 0; i < kRowPairs; ++i) store_s8(out + 64 * Group + 16 * i, pairs.pair[i]);
    if constexpr (Group < 6) widen<T, Group + 2>(block, out);
  }
};

}  // namespace

void linear_int8(const LinearArgs& args) {
  if (args.columns == 1) return neondot::linear_int8(args);
  run_format<MatrixProduct>(args);
}

LinearPlan plan_int8(const PanelLayout& layout, int columns, const LinearTuning& tuning) {
  if (columns == 1) return neondot::plan_int8(layout, columns, tuning);
  return plan<MatrixProduct>(layout, columns, tuning);
}

}  // namespace pingti::neoni8mm
