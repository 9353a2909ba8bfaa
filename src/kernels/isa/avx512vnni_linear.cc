// linear_int8 with AVX-512 VNNI: splits the work into tiles (avx512vnni_tile.h).
#include "base/check.h"
#include "kernels/isa/avx512vnni_tile.h"
#include "kernels/isa/functions.h"

namespace pingti::avx512vnni {
namespace {

// Reading nibbles hides behind the products; formats with a second plane cost more than that, and so does the
// fold of formats with a scale per block.
bool reads_directly(const PanelLayout& layout, int columns, const LinearTuning& tuning) {
  if (layout.bits == 8) return true;
  return columns <=
         direct_columns(tuning, layout.kind, layout.bits == 4 && layout.super_scales ? 1 << 30 : 64);
}

// A group of columns meets a pair of panels before the next pair is read. One group: weights stream from
// memory. More: each reads the piece's panels anew, from the L2 cache; its activations stay there as well.
constexpr int kGroupTiles = 6;  // most of these

// All columns over panels [begin, end), which lie panel_bytes apart from `data` on. A last odd panel is
// computed twice, which costs less than kernels of its own.
template <class T, bool Prefetch>
class TileRun {
 public:
  TileRun(const LinearArgs& args, const std::byte* data, int64_t panel_bytes, int64_t begin, int64_t end)
      : args_(args),
        data_(data),
        panel_bytes_(panel_bytes),
        begin_(begin),
        end_(end),
        tiles_((args.columns + kTileColumns - 1) / kTileColumns) {}

  void run() const {
    const int most = group_tiles();
    for (int first = 0; first < tiles_; first += most) {
      const int group = tiles_ - first < most ? tiles_ - first : most;
      for (int64_t panel = begin_; panel < end_; panel += 2) {
        for (int t = 0; t < group; ++t) one_tile(panel, first + t, t, group);
      }
    }
  }

 private:
  int group_tiles() const {
    if (args_.columns <= args_.tuning.stream_columns) return tiles_;
    const int64_t tile_bytes =
        kTileColumns * (args_.weight->cols / kActivationBlock) * int64_t{sizeof(ActivationBlock)};
    const int64_t tiles = args_.tuning.group_bytes / tile_bytes;
    return static_cast<int>(tiles < 1 ? 1 : tiles > kGroupTiles ? kGroupTiles : tiles);
  }

  PT_INLINE void one_tile(int64_t panel, int t, int share, int shares) const {
    alignas(64) float sums[kTileColumns * kTileRows];
    const auto first = static_cast<int>(int64_t{args_.columns} * t / tiles_);
    const auto columns = static_cast<int>(int64_t{args_.columns} * (t + 1) / tiles_) - first;
    const std::byte* at = data_ + (panel - begin_) * panel_bytes_;
    const TileArgs tile_args = {.panels = {at, panel + 1 < end_ ? at + panel_bytes_ : at},
                                .blocks = args_.weight->cols / kActivationBlock,
                                .x = args_.x_int8 + first * args_.x_stride,
                                .x_stride = args_.x_stride,
                                .sums = sums,
                                .panel_bytes = panel_bytes_,
                                .tile = share,
                                .tiles = shares};
    Tiles<T, Prefetch>::kByColumns[columns - 1](tile_args);
    store_tile(args_, panel, first, columns, sums);
  }

  const LinearArgs& args_;
  const std::byte* data_;
  const int64_t panel_bytes_;
  const int64_t begin_, end_;
  const int tiles_;
};

template <class T>
void run(const LinearArgs& args) {
  const PackedMatrix& w = *args.weight;
  const bool direct = reads_directly(*w.layout, args.columns, args.tuning);
  const int64_t units = w.panel_bytes / T::kUnitBytes;
  const int64_t wide_bytes = units * T::Wide::kUnitBytes;
  const int64_t pairs = args.tuning.wide_bytes / (2 * wide_bytes);
  const bool streams = direct && args.columns <= args.tuning.stream_columns;
  const int64_t step = streams ? args.panel_end - args.panel_begin : pairs < 1 ? 2 : 2 * pairs;
  for (int64_t begin = args.panel_begin; begin < args.panel_end; begin += step) {
    const int64_t end = begin + step < args.panel_end ? begin + step : args.panel_end;
    const std::byte* data = w.data + begin * w.panel_bytes;
    if (direct) {
      TileRun<T, true>(args, data, w.panel_bytes, begin, end).run();
      continue;
    }
    for (int64_t p = begin; p < end; ++p) {
      widen<T>(w.data + p * w.panel_bytes, units, args.scratch + (p - begin) * wide_bytes);
    }
    TileRun<typename T::Wide, false>(args, args.scratch, wide_bytes, begin, end).run();
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

LinearPlan plan_int8(const PanelLayout& layout, int columns, const LinearTuning& tuning) {
  return {.tile_rows = kTileRows,
          .tile_columns = columns < kTileColumns ? columns : kTileColumns,
          .widened = !reads_directly(layout, columns, tuning)};
}

}  // namespace pingti::avx512vnni
