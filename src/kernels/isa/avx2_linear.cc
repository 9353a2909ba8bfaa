// linear_int8 with AVX2: splits the work into tiles (avx2_tile.h).
#include "base/check.h"
#include "kernels/isa/avx2_tile.h"
#include "kernels/isa/functions.h"

namespace pingti::avx2 {
namespace {

// Up to so many columns the bit planes are read anew for each tile; above, panels are widened first.
constexpr int kDirectColumns = 2 * kTileColumns;

// All columns over panels [begin, end), which lie panel_bytes apart from `data` on.
template <class S>
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
      Tiles<S>::kByColumns[columns - 1](tile_args);
      store_panel(args, panel, first, columns, sums);
    }
  }
}

template <class T>
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
      run_tiles<Source<T, false>>(args, w.data + begin * w.panel_bytes, w.panel_bytes, begin, end);
      continue;
    }
    for (int64_t p = begin; p < end; ++p) {
      widen<T>(w.data + p * w.panel_bytes, units, args.scratch + (p - begin) * wide_bytes);
    }
    run_tiles<Source<T, true>>(args, args.scratch, wide_bytes, begin, end);
  }
}

}  // namespace

void linear_int8(const LinearArgs& args) {
  PT_CHECK(args.x_int8->scale_block >= args.weight->layout->scale_block);
  switch (args.weight->layout->kind) {
#define PT_PACKED(name, bits, sub_block, super, min, offset) \
  case PackedKind::k##name:                                  \
    return run<Packed##name>(args);
#include "kernels/isa/packed_formats.inc"
#undef PT_PACKED
    default:
      PT_CHECK(!"float formats have no int8 product");
  }
}

}  // namespace pingti::avx2
