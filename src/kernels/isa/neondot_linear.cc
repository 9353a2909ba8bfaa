// linear_int8 for AArch64 CPUs with dot products (sdot): 4 rows x 4 k meet 4 activations of one column,
// picked by lane out of a register of 16.
#include "kernels/isa/functions.h"
#include "kernels/isa/neon_tile.h"

namespace pingti::neondot {
namespace {

using namespace neon;

struct DotProduct {
  static constexpr int kTileColumns = 4;  // 16 sums, 4 registers of weights, 4 of activations
  static constexpr int kDirectColumns = 8;
  static constexpr bool kWidensBytes = false;

  template <class S, int Columns, int Group, int Lane>
  PT_INLINE static void add_group(const std::byte* block, const int8x16_t (&a)[Columns],
                                  Sums<Columns>& sums) {
#pragma GCC unroll 4
    for (int h = 0; h < kQuarters; ++h) {
      const int8x16_t w = weights<S, Group>(block, h);
#pragma GCC unroll 4
      for (int c = 0; c < Columns; ++c) sums[c][h] = vdotq_laneq_s32(sums[c][h], w, a[c], Lane);
    }
    if constexpr (Lane < 3) add_group<S, Columns, Group + 1, Lane + 1>(block, a, sums);
  }

  template <class S, int Columns, int First, int Count>
  PT_INLINE static void add(const std::byte* block, const ActivationBlock* x, int64_t x_stride,
                            Sums<Columns>& sums) {
    int8x16_t a[Columns];
#pragma GCC unroll 4
    for (int c = 0; c < Columns; ++c) a[c] = vld1q_s8(x[c * x_stride].q + 4 * First);
    add_group<S, Columns, First, 0>(block, a, sums);
    if constexpr (Count > 4) add<S, Columns, First + 4, Count - 4>(block, x, x_stride, sums);
  }

  template <class T>
  PT_INLINE static void widen(const std::byte* block, std::byte* out) {
    widen_in_order<T>(block, out);
  }
};

}  // namespace

void linear_int8(const LinearArgs& args) { run_format<DotProduct>(args); }

LinearPlan plan_int8(const PanelLayout& layout, int columns, const LinearTuning& tuning) {
  return plan<DotProduct>(layout, columns, tuning);
}

}  // namespace pingti::neondot
