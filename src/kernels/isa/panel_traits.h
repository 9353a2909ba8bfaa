// Constants of the packed panels (linear.h) at compile time. Plain data only: shared by all instruction sets.
#pragma once

#include "kernels/linear_args.h"

namespace pingti {

template <int Bits, int SubBlock, bool Super, bool Min, int Offset>
struct PanelTraits {
  static constexpr int kBits = Bits;
  static constexpr int kSubBlock = SubBlock;
  static constexpr bool kSuper = Super;
  static constexpr bool kMin = Min;
  static constexpr int kOffset = Offset;

  static constexpr int kUnitBlocks = Super ? kSuperScaleValues / kActivationBlock : 2;
  static constexpr int kSubBlocks = kUnitBlocks * kActivationBlock / SubBlock;  // in a unit
  static constexpr int kScaleBytes = kSubBlocks * kPanelRows * (Super ? 1 : 2);
  static constexpr int kScalesOffset = Super ? 64 : 0;
  static constexpr int kMinsOffset = kScalesOffset + kScaleBytes;
  static constexpr int kQuantsOffset = kMinsOffset + (Min ? kScaleBytes : 0);
  static constexpr int kBlockBytes = Bits * kActivationBlock * kPanelRows / 8;
  static constexpr int kUnitBytes = kQuantsOffset + kUnitBlocks * kBlockBytes;
  static constexpr int kDminOffset = 2 * kPanelRows;

  // The same integers and scales with a byte per value: what panels are widened to for many columns.
  using Wide = PanelTraits<8, SubBlock, Super, Min, Offset>;
};

#define PT_PACKED(name, bits, sub_block, super, min, offset) \
  using Packed##name = PanelTraits<bits, sub_block, super, min, offset>;
#include "kernels/isa/packed_formats.inc"
#undef PT_PACKED

// Which row of packed_formats.inc a layout is; float formats follow.
enum class PackedKind {
#define PT_PACKED(name, bits, sub_block, super, min, offset) k##name,
#include "kernels/isa/packed_formats.inc"
#undef PT_PACKED
  kF32,
  kF16,
  kBF16,
};
static_assert(static_cast<int>(PackedKind::kF32) == kPackedFormats);

// Columns up to which a format's bit planes are read anew for each tile; `otherwise` is the table's own
// choice.
[[gnu::always_inline]] inline int64_t direct_columns(const LinearTuning& tuning, PackedKind kind,
                                                     int64_t otherwise) {
  const int64_t tuned = tuning.direct_columns[static_cast<int>(kind)];
  return tuned > 0 ? tuned : otherwise;
}

// linear_f32 decodes two panels over kF32Depth values of K and keeps the sums of kF32Columns columns.
constexpr int kF32Depth = 256;
constexpr int kF32Columns = 96;
constexpr int64_t kF32ScratchBytes = (kF32Depth + kF32Columns) * 2 * kPanelRows * 4;

}  // namespace pingti
