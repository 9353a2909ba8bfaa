// Panels -> rows of floats, value by value; the packed form's definition in code.
#include <cstring>

#include "base/check.h"
#include "kernels/isa/panel_traits.h"
#include "kernels/linear.h"
#include "quant/half.h"

namespace pingti {
namespace {

uint16_t load16(const std::byte* p) {
  return static_cast<uint16_t>(std::to_integer<unsigned>(p[0]) | std::to_integer<unsigned>(p[1]) << 8);
}

// The stored integer of value k (0..31) of a row in a block.
int stored_integer(const std::byte* block, int bits, int row, int k) {
  const int group = k / 4;
  auto byte = [&](int vector) { return std::to_integer<int>(block[64 * vector + 4 * row + k % 4]); };
  auto pair = [&](int first) { return byte(first + group / 4) >> (2 * (group % 4)) & 3; };
  auto bit = [&](int vector) { return byte(vector) >> group & 1; };
  auto nibble = [&] { return byte(group % 4) >> (4 * (group / 4)) & 15; };
  switch (bits) {
    case 2:
      return pair(0);
    case 3:
      return pair(0) | bit(2) << 2;
    case 4:
      return nibble();
    case 5:
      return nibble() | bit(4) << 4;
    case 6:
      return nibble() | pair(4) << 4;
    default:
      return byte(group);
  }
}

struct ScaleMinF {
  float scale, min;  // value = scale * q + min, in the roundings of Format::decode
};

ScaleMinF sub_block_scale(const PanelLayout& layout, const std::byte* unit, int row, int sub) {
  const std::byte* scales = unit + layout.scales_offset;
  const std::byte* mins = unit + layout.mins_offset;
  if (!layout.super_scales) {
    const int at = 2 * (sub * kPanelRows + row);
    return {f16_to_f32(load16(scales + at)), layout.has_min ? f16_to_f32(load16(mins + at)) : 0.0f};
  }
  const auto scale = static_cast<int8_t>(scales[sub * kPanelRows + row]);
  ScaleMinF result{f16_to_f32(load16(unit + 2 * row)) * static_cast<float>(scale), 0.0f};
  if (layout.has_min) {
    const int min = std::to_integer<int>(mins[(sub / 2 * kPanelRows + row) * 2 + sub % 2]);
    result.min = -(f16_to_f32(load16(unit + 2 * kPanelRows + 2 * row)) * static_cast<float>(min));
  }
  return result;
}

void unpack_quantized(const PackedMatrix& matrix, const std::byte* panel, int row, float* out) {
  const PanelLayout& layout = *matrix.layout;
  const int unit_values = layout.unit_blocks * kActivationBlock;
  for (int64_t k = 0; k < matrix.cols; ++k) {
    const std::byte* unit = panel + k / unit_values * layout.unit_bytes;
    const int in_unit = static_cast<int>(k % unit_values);
    const std::byte* block =
        unit + layout.quants_offset + in_unit / kActivationBlock * (layout.bits * 2 * kActivationBlock);
    const int q = stored_integer(block, layout.bits, row, in_unit % kActivationBlock) - layout.offset;
    const ScaleMinF s = sub_block_scale(layout, unit, row, in_unit / layout.sub_block);
    const float value = s.scale * static_cast<float>(q);
    out[k] = layout.has_min ? value + s.min : value;
  }
}

}  // namespace

void unpack_row(const PackedMatrix& matrix, int64_t row, float* out) {
  PT_CHECK(0 <= row && row < matrix.rows);
  const std::byte* panel = matrix.data + row / kPanelRows * matrix.panel_bytes;
  const int lane = static_cast<int>(row % kPanelRows);
  if (!matrix.layout->is_float()) return unpack_quantized(matrix, panel, lane, out);
  const int bytes = matrix.layout->bits / 8;
  for (int64_t k = 0; k < matrix.cols; ++k) {
    const std::byte* p = panel + (k * kPanelRows + lane) * bytes;
    switch (matrix.layout->kind) {
      case PackedKind::kF16:
        out[k] = f16_to_f32(load16(p));
        break;
      case PackedKind::kBF16:
        out[k] = bf16_to_f32(load16(p));
        break;
      default:
        std::memcpy(out + k, p, sizeof(float));
    }
  }
}

}  // namespace pingti
