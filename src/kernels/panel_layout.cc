#include <algorithm>
#include <array>
#include <string>

#include "base/check.h"
#include "kernels/isa/panel_traits.h"
#include "kernels/linear.h"

namespace pingti {
namespace {

template <class T>
PanelLayout quantized_layout(PackedKind kind, DType type) {
  return {.kind = kind,
          .format = find_format(type),
          .bits = T::kBits,
          .sub_block = T::kSubBlock,
          .super_scales = T::kSuper,
          .has_min = T::kMin,
          .offset = T::kOffset,
          .scale_block = T::kSuper ? kSuperScaleValues : kActivationBlock,
          .unit_blocks = T::kUnitBlocks,
          .unit_bytes = T::kUnitBytes,
          .scales_offset = T::kScalesOffset,
          .mins_offset = T::kMinsOffset,
          .quants_offset = T::kQuantsOffset,
          .wide_unit_bytes = T::Wide::kUnitBytes};
}

PanelLayout float_layout(PackedKind kind, DType type, int bits) {
  PanelLayout layout{};
  layout.kind = kind;
  layout.format = find_format(type);
  layout.bits = bits;
  layout.scale_block = kActivationBlock;
  layout.unit_blocks = 1;
  layout.unit_bytes = bits * kActivationBlock * kPanelRows / 8;
  return layout;
}

}  // namespace

const PanelLayout* panel_layout(DType type) {
  static const std::array kLayouts = {
#define PT_PACKED(name, bits, sub_block, super, min, offset) \
  quantized_layout<Packed##name>(PackedKind::k##name, DType::k##name),
#include "kernels/isa/packed_formats.inc"
#undef PT_PACKED
      float_layout(PackedKind::kF32, DType::kF32, 32),
      float_layout(PackedKind::kF16, DType::kF16, 16),
      float_layout(PackedKind::kBF16, DType::kBF16, 16),
  };
  for (const PanelLayout& layout : kLayouts) {
    if (layout.format != nullptr && layout.format->type == type) return &layout;
  }
  return nullptr;
}

Result<PackedMatrix> plan_packed(DType type, int64_t rows, int64_t cols) {
  const PanelLayout* layout = panel_layout(type);
  if (layout == nullptr) {
    return fail(ErrorKind::kUnsupported, "kernels.format",
                "weights of storage format number " + std::to_string(static_cast<uint32_t>(type)) +
                    " cannot be multiplied");
  }
  const int64_t multiple = layout->is_float() ? 1 : std::max(layout->format->block_values, kActivationBlock);
  constexpr int64_t kLimit = int64_t{1} << 31;
  if (rows < 1 || rows > kLimit || cols < multiple || cols > kLimit || cols % multiple != 0) {
    return fail(ErrorKind::kUnsupported, "kernels.shape",
                "a matrix of " + std::to_string(rows) + " x " + std::to_string(cols) + " in " +
                    layout->format->name + " cannot be packed",
                "columns must be a multiple of " + std::to_string(multiple));
  }
  if (layout->is_float()) {
    const int64_t bytes = (cols * kPanelRows * layout->format->block_bytes + 63) / 64 * 64;
    return PackedMatrix{.layout = layout, .rows = rows, .cols = cols, .panel_bytes = bytes};
  }
  const int64_t blocks = cols / kActivationBlock;
  const int64_t units = (blocks + layout->unit_blocks - 1) / layout->unit_blocks;
  return PackedMatrix{
      .layout = layout, .rows = rows, .cols = cols, .panel_bytes = units * layout->unit_bytes};
}

size_t linear_scratch_bytes(const PackedMatrix& matrix, const LinearTuning& tuning) {
  int64_t wide = 0;
  if (!matrix.layout->is_float()) {
    const int64_t units = matrix.panel_bytes / matrix.layout->unit_bytes;
    wide = std::max(tuning.wide_bytes, 2 * units * matrix.layout->wide_unit_bytes);
  }
  return static_cast<size_t>(std::max(wide, kF32ScratchBytes));
}

}  // namespace pingti
