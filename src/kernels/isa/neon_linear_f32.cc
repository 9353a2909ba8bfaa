// linear_f32 with NEON, a panel at a time.
#include "kernels/isa/functions.h"
#include "kernels/isa/neon_panel.h"

namespace pingti::neon {
namespace {

constexpr int kTileColumns = 4;
constexpr int kF32Panels = 1;
constexpr int kF32Rows = kF32Panels * kPanelRows;

struct SubBlock {
  RowScales scale, min;
};

// Scale and min of sub-block s of a unit in the roundings of Format::decode.
template <class T>
PT_INLINE SubBlock load_sub_block(const std::byte* unit, int s) {
  SubBlock sub = {};
  if constexpr (!T::kSuper) {
    sub.scale = load_row_halves(unit + T::kScalesOffset + s * 2 * kPanelRows);
    if constexpr (T::kMin) sub.min = load_row_halves(unit + T::kMinsOffset + s * 2 * kPanelRows);
  } else {
    const RowScales d = load_row_halves(unit);
    const RowIntegers scales = load_row_int8(unit + T::kScalesOffset + s * kPanelRows);
    for (int h = 0; h < kQuarters; ++h) {
      sub.scale.quarter[h] = vmulq_f32(d.quarter[h], vcvtq_f32_s32(scales.quarter[h]));
    }
    if constexpr (T::kMin) {
      const RowScales dmin = load_row_halves(unit + T::kDminOffset);
      const std::byte* pairs = unit + T::kMinsOffset + s / 2 * 2 * kPanelRows;
      for (int h = 0; h < kQuarters; ++h) {
        const uint8x8_t stored = vld1_u8(reinterpret_cast<const uint8_t*>(pairs + h * 2 * kQuarterRows));
        const uint16x4_t both = vreinterpret_u16_u8(stored);
        const uint16x4_t one = s % 2 == 0 ? vand_u16(both, vdup_n_u16(0xff)) : vshr_n_u16(both, 8);
        sub.min.quarter[h] = vmulq_f32(dmin.quarter[h], vcvtq_f32_u32(vmovl_u16(one)));
      }
    }
  }
  return sub;
}

// Four rows x one group: `q` are the signed bytes, values are stored for k = 0..3.
template <class T>
PT_INLINE void decode_quarter(int8x16_t q, float32x4_t scale, float32x4_t min, float* out) {
  // Signed bytes of 8 bits have lost their offset already.
  constexpr int kOffset = T::kBits == 8 ? T::kOffset - 128 : T::kOffset;
  const int32x4_t rows = vreinterpretq_s32_s8(q);
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) {
    const int32x4_t high = vshlq_s32(rows, vdupq_n_s32(24 - 8 * k));
    const int32x4_t integer = vsubq_s32(vshrq_n_s32(high, 24), vdupq_n_s32(kOffset));
    float32x4_t w = vmulq_f32(vcvtq_f32_s32(integer), scale);
    if constexpr (T::kMin) w = T::kSuper ? vsubq_f32(w, min) : vaddq_f32(w, min);
    vst1q_f32(out + k * kPanelRows, w);
  }
}

template <class T, int Group>
PT_INLINE void decode_groups(const std::byte* block, const SubBlock (&subs)[2], float* out) {
  const SubBlock& s = subs[T::kSubBlock == 16 ? Group / 4 : 0];
#pragma GCC unroll 4
  for (int h = 0; h < kQuarters; ++h) {
    decode_quarter<T>(load_signed_group<T::kBits, Group>(block + 16 * h), s.scale.quarter[h],
                      s.min.quarter[h], out + 4 * Group * kPanelRows + h * kQuarterRows);
  }
  if constexpr (Group < 7) decode_groups<T, Group + 1>(block, subs, out);
}

template <class T>
void decode_quantized(const std::byte* panel, int64_t begin, int depth, float* out) {
  constexpr int kPerBlock = kActivationBlock / T::kSubBlock;
  for (int k = 0; k < depth; k += kActivationBlock) {
    const int64_t block = (begin + k) / kActivationBlock;
    const std::byte* unit = panel + block / T::kUnitBlocks * T::kUnitBytes;
    const int i = static_cast<int>(block % T::kUnitBlocks);
    const SubBlock subs[2] = {load_sub_block<T>(unit, i * kPerBlock),
                              load_sub_block<T>(unit, i * kPerBlock + kPerBlock - 1)};
    decode_groups<T, 0>(unit + T::kQuantsOffset + i * T::kBlockBytes, subs, out + k * kPanelRows);
  }
}

void decode_f32(const std::byte* panel, int64_t begin, int depth, float* out) {
  __builtin_memcpy(out, panel + begin * kPanelRows * 4,
                   sizeof(float) * kPanelRows * static_cast<size_t>(depth));
}

void decode_f16(const std::byte* panel, int64_t begin, int depth, float* out) {
  const std::byte* src = panel + begin * kPanelRows * 2;
  for (int i = 0; i < depth * kPanelRows; i += 4) vst1q_f32(out + i, load_halves(src + 2 * i));
}

void decode_bf16(const std::byte* panel, int64_t begin, int depth, float* out) {
  const auto* src = reinterpret_cast<const uint16_t*>(panel) + begin * kPanelRows;
  for (int i = 0; i < depth * kPanelRows; i += 4) {
    vst1q_f32(out + i, vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(src + i), 16)));
  }
}

// sums[column][16] += weights [depth][16] times `Columns` columns, each sum taken from zero.
template <int Columns>
void tile(const float* weights, int depth, const float* x, int64_t x_stride, float* sums) {
  float32x4_t acc[Columns][kQuarters];
#pragma GCC unroll 4
  for (auto& column : acc) {
#pragma GCC unroll 4
    for (float32x4_t& sum : column) sum = vdupq_n_f32(0.0f);
  }
  for (int k = 0; k < depth; ++k) {
    float32x4_t w[kQuarters];
#pragma GCC unroll 4
    for (int h = 0; h < kQuarters; ++h) w[h] = vld1q_f32(weights + k * kPanelRows + h * kQuarterRows);
#pragma GCC unroll 4
    for (int c = 0; c < Columns; ++c) {
      const float32x4_t a = vdupq_n_f32(x[c * x_stride + k]);
#pragma GCC unroll 4
      for (int h = 0; h < kQuarters; ++h) acc[c][h] = vfmaq_f32(acc[c][h], w[h], a);
    }
  }
#pragma GCC unroll 4
  for (int c = 0; c < Columns; ++c) {
#pragma GCC unroll 4
    for (int h = 0; h < kQuarters; ++h) {
      float* out = sums + c * kPanelRows + h * kQuarterRows;
      vst1q_f32(out, vaddq_f32(vld1q_f32(out), acc[c][h]));
    }
  }
}

using Tile = void (*)(const float* weights, int depth, const float* x, int64_t x_stride, float* sums);
constexpr Tile kTiles[kTileColumns] = {tile<1>, tile<2>, tile<3>, tile<4>};

constexpr auto store_sums = store_panel;

}  // namespace

#include "kernels/isa/linear_f32.inc"

}  // namespace pingti::neon
