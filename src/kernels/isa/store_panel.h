// The end of a product whose tiles are one panel high. Plain loops: each instruction set compiles its own.
#pragma once

#include "kernels/linear_args.h"

namespace pingti {
namespace {

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
