// linear_int8 with AVX-512 VNNI: splits the work into tiles (avx512vnni_tile.h).
#include "base/check.h"
#include "kernels/isa/avx512vnni_tile.h"
#include "kernels/isa/functions.h"

namespace pingti::avx512vnni {
namespace {

// Up to so many columns the bit planes are read anew for each tile; above, panels are widened first. Reading
// nibbles hides behind the products; formats with a second plane cost more than that.
constexpr int direct_columns(int bits) { return bits == 4 || bits == 8 ? 1 << 30 : 64; }

// All columns over panels [begin, end), which lie panel_bytes apart from `data` on. A last odd panel is
// computed twice, which costs less than kernels of its own.
template <class T, bool Prefetch>
void run_tiles(const LinearArgs& args, const std::byte* data, int64_t panel_bytes, int64_t begin,
               int64_t end) {
  alignas(64) float sums[kTileColumns * kTileRows];
  const int tiles = (args.columns + kTileColumns - 1) / kTileColumns;
  for (int t = 0; t < tiles; ++t) {
    const auto first = static_cast<int>(int64_t{args.columns} * t / tiles);
    const auto columns = static_cast<int>(int64_t{args.columns} * (t + 1) / tiles) - first;
    for (int64_t panel = begin; panel < end; panel += 2) {
      const std::byte* at = data + (panel - begin) * panel_bytes;
      const TileArgs tile_args = {.panels = {at, panel + 1 < end ? at + panel_bytes : at},
                                  .blocks = args.weight->cols / kActivationBlock,
                                  .x = args.x_int8 + first * args.x_stride,
                                  .x_stride = args.x_stride,
                                  .sums = sums,
                                  .panel_bytes = panel_bytes};
      Tiles<T, Prefetch>::kByColumns[columns - 1](tile_args);
      store_tile(args, panel, first, columns, sums);
    }
  }
}

template <class T>
void run(const LinearArgs& args) {
  const PackedMatrix& w = *args.weight;
  const bool direct = args.columns <= direct_columns(T::kBits);
  const int64_t units = w.panel_bytes / T::kUnitBytes;
  const int64_t wide_bytes = units * T::Wide::kUnitBytes;
  const int64_t pairs = args.columns <= kTileColumns ? 1 : kWideScratchBytes / (2 * wide_bytes);
  const int64_t step = pairs < 1 ? 2 : 2 * pairs;
  for (int64_t begin = args.panel_begin; begin < args.panel_end; begin += step) {
    const int64_t end = begin + step < args.panel_end ? begin + step : args.panel_end;
    const std::byte* data = w.data + begin * w.panel_bytes;
    if (direct) {
      run_tiles<T, true>(args, data, w.panel_bytes, begin, end);
      continue;
    }
    for (int64_t p = begin; p < end; ++p) {
      widen<T>(w.data + p * w.panel_bytes, units, args.scratch + (p - begin) * wide_bytes);
    }
    run_tiles<typename T::Wide, false>(args, args.scratch, wide_bytes, begin, end);
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

}  // namespace pingti::avx512vnni
