// linear_int8 for every AArch64 CPU: bytes are multiplied into 16-bit sums, which are widened before they can
// overflow.
#include "kernels/isa/functions.h"
#include "kernels/isa/neon_tile.h"

namespace pingti::neon {
namespace {

// Groups whose products a 16-bit lane can add: each is at most 127 * (2^bits - 1), or 127 * 128 of 8 bits.
constexpr int groups_per_sum(int bits) { return bits <= 5 ? 8 : bits == 6 ? 4 : 2; }

struct Widening {
  static constexpr int kTileColumns = 2;
  static constexpr int kDirectColumns = 4;
  static constexpr bool kWidensBytes = false;

  template <int Columns>
  struct Halves {  // 16-bit sums of two rows x 4 k each
    int16x8_t low[Columns][kQuarters], high[Columns][kQuarters];
  };

  template <class S, int Columns, int Group, int Last, bool IsFirst>
  PT_INLINE static void add_group(const std::byte* block, const ActivationBlock* x, int64_t x_stride,
                                  Halves<Columns>& sums) {
    int8x8_t a[Columns];
#pragma GCC unroll 4
    for (int c = 0; c < Columns; ++c) {
      int32_t four;
      __builtin_memcpy(&four, x[c * x_stride].q + 4 * Group, 4);
      a[c] = vreinterpret_s8_s32(vdup_n_s32(four));
    }
#pragma GCC unroll 4
    for (int h = 0; h < kQuarters; ++h) {
      const int8x16_t w = weights<S, Group>(block, h);
#pragma GCC unroll 4
      for (int c = 0; c < Columns; ++c) {
        int16x8_t& low = sums.low[c][h];
        int16x8_t& high = sums.high[c][h];
        low = IsFirst ? vmull_s8(vget_low_s8(w), a[c]) : vmlal_s8(low, vget_low_s8(w), a[c]);
        high = IsFirst ? vmull_s8(vget_high_s8(w), a[c]) : vmlal_s8(high, vget_high_s8(w), a[c]);
      }
    }
    if constexpr (Group + 1 < Last) add_group<S, Columns, Group + 1, Last, false>(block, x, x_stride, sums);
  }

  template <class S, int Columns, int First, int Count>
  PT_INLINE static void add(const std::byte* block, const ActivationBlock* x, int64_t x_stride,
                            Sums<Columns>& sums) {
    constexpr int kMost = groups_per_sum(S::Traits::kBits);
    constexpr int kStep = Count < kMost ? Count : kMost;
    Halves<Columns> halves;
    add_group<S, Columns, First, First + kStep, true>(block, x, x_stride, halves);
#pragma GCC unroll 4
    for (int c = 0; c < Columns; ++c) {
#pragma GCC unroll 4
      for (int h = 0; h < kQuarters; ++h) {
        const int32x4_t low = vpaddlq_s16(halves.low[c][h]);
        sums[c][h] = vaddq_s32(sums[c][h], vpaddq_s32(low, vpaddlq_s16(halves.high[c][h])));
      }
    }
    if constexpr (kStep < Count) {
      add<S, Columns, First + kStep, Count - kStep>(block, x, x_stride, sums);
    }
  }

  template <class T>
  PT_INLINE static void widen(const std::byte* block, std::byte* out) {
    widen_in_order<T>(block, out);
  }
};

}  // namespace

void linear_int8(const LinearArgs& args) { run_format<Widening>(args); }

LinearPlan plan_int8(const PanelLayout& layout, int columns, const LinearTuning& tuning) {
  return plan<Widening>(layout, columns, tuning);
}

}  // namespace pingti::neon
