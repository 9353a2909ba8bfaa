// What products whose tiles are one panel high share: what a tile is given, sources of weights, the end.
// Plain code, which each instruction set compiles for itself.
#pragma once

#include "kernels/isa/panel_traits.h"

namespace pingti {
namespace {

struct TileArgs {
  const std::byte* panel;
  int64_t blocks;            // of 32 values
  const ActivationBlock* x;  // first column
  int64_t x_stride;
  float* sums;  // [columns][16], written
};

// A source of weights: the panel's own bit planes, or (Widened) a byte per value.
template <class T, bool Widened>
struct Source {
  using Traits = T;
  static constexpr bool kWidened = Widened;
  static constexpr int kUnitBytes = Widened ? T::Wide::kUnitBytes : T::kUnitBytes;
  static constexpr int kBlockBytes = Widened ? T::Wide::kBlockBytes : T::kBlockBytes;
  static constexpr int kStoredBits = Widened ? 8 : T::kBits;
};

constexpr int log2_of(int value) { return value <= 1 ? 0 : 1 + log2_of(value / 2); }

// Adds bias and residual and writes `columns` columns of the rows of one panel; sums: [columns][16].
inline void store_panel(const LinearArgs& args, int64_t panel, int column, int columns, const float* sums) {
  const int64_t first = panel * kPanelRows;
  const int64_t left = args.weight->rows - first;
  const int rows = left < kPanelRows ? static_cast<int>(left) : kPanelRows;
  for (int c = 0; c < columns; ++c) {
    float* y = args.y + (column + c) * args.y_stride + first;
    const float* sum = sums + c * kPanelRows;
    for (int row = 0; row < rows; ++row) {
      float value = sum[row];
      if (args.bias != nullptr) value += args.bias[first + row];
      y[row] = args.accumulate ? y[row] + value : value;
    }
  }
}

}  // namespace
}  // namespace pingti
