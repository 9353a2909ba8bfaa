// Linear products in plain C++, written so that the baseline's vectors are used by the compiler.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "kernels/isa/functions.h"
#include "kernels/isa/panel_traits.h"
#include "quant/half.h"

namespace pingti::reference {
namespace {

constexpr int kBlock = kActivationBlock;
constexpr int kRows = kPanelRows;

// One unit of a panel in plain form.
template <class T>
struct Unit {
  int16_t q[kRows][T::kUnitBlocks * kBlock];  // offset already subtracted
  int scale[T::kSubBlocks][kRows];            // K-quants: integers
  int min[T::kSubBlocks][kRows];
  float d[T::kSubBlocks][kRows];  // one scale per block, or row 0 alone: K-quants' super scale
  float m[T::kSubBlocks][kRows];  // likewise the mins; K-quants: row 0 is dmin
};

// Group g of 16 rows x 4 values from the bit planes, a byte each.
template <int Bits>
void read_groups(const uint8_t* block, uint8_t (&groups)[8][64]) {
  for (int g = 0; g < 8; ++g) {
    uint8_t* out = groups[g];
    if constexpr (Bits == 8) {
      std::memcpy(out, block + 64 * g, 64);
      continue;
    }
    constexpr bool kNibbles = Bits >= 4;
    const uint8_t* low = block + 64 * (kNibbles ? g % 4 : g / 4);
    const int shift = kNibbles ? 4 * (g / 4) : 2 * (g % 4);
    for (int i = 0; i < 64; ++i) out[i] = static_cast<uint8_t>(low[i] >> shift & (kNibbles ? 15 : 3));
    if constexpr (Bits == 3 || Bits == 5) {
      const uint8_t* high = block + 64 * (Bits - 1);
      for (int i = 0; i < 64; ++i) out[i] = static_cast<uint8_t>(out[i] | (high[i] >> g & 1) << (Bits - 1));
    }
    if constexpr (Bits == 6) {
      const uint8_t* high = block + 64 * (4 + g / 4);
      for (int i = 0; i < 64; ++i)
        out[i] = static_cast<uint8_t>(out[i] | (high[i] >> (2 * (g % 4)) & 3) << 4);
    }
  }
}

void read_halves(const uint8_t* src, float* out) {
  for (int row = 0; row < kRows; ++row) {
    uint16_t bits;
    std::memcpy(&bits, src + 2 * row, 2);
    out[row] = f16_to_f32(bits);
  }
}

template <class T>
void read_unit(const std::byte* packed, Unit<T>& unit) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(packed);
  for (int s = 0; s < T::kSubBlocks; ++s) {
    if constexpr (T::kSuper) {
      for (int row = 0; row < kRows; ++row) {
        unit.scale[s][row] = static_cast<int8_t>(bytes[T::kScalesOffset + s * kRows + row]);
        if constexpr (T::kMin) unit.min[s][row] = bytes[T::kMinsOffset + (s / 2 * kRows + row) * 2 + s % 2];
      }
    } else {
      read_halves(bytes + T::kScalesOffset + s * kRows * 2, unit.d[s]);
      if constexpr (T::kMin) read_halves(bytes + T::kMinsOffset + s * kRows * 2, unit.m[s]);
    }
  }
  if constexpr (T::kSuper) {
    read_halves(bytes, unit.d[0]);
    if constexpr (T::kMin) read_halves(bytes + T::kDminOffset, unit.m[0]);
  }
  for (int b = 0; b < T::kUnitBlocks; ++b) {
    uint8_t groups[8][64];
    read_groups<T::kBits>(bytes + T::kQuantsOffset + b * T::kBlockBytes, groups);
    for (int row = 0; row < kRows; ++row) {
      uint8_t values[kBlock];
      for (int g = 0; g < 8; ++g) std::memcpy(values + 4 * g, groups[g] + 4 * row, 4);
      int16_t* out = unit.q[row] + b * kBlock;
      for (int k = 0; k < kBlock; ++k) out[k] = static_cast<int16_t>(values[k] - T::kOffset);
    }
  }
}

template <int Count>
int dot(const int16_t* w, const int16_t* x) {
  int sum = 0;
  for (int i = 0; i < Count; ++i) sum += w[i] * x[i];
  return sum;
}

int activation_sum(const ActivationBlock& block, int sub_block, int part) {
  if (sub_block == kBlock) return -block.neg_sum;
  return part == 0 ? -block.neg_sum_lo : -block.neg_sum_hi;
}

// K-quants: integers over the whole super-block, then one fold to float.
template <class T>
void add_super_unit(const Unit<T>& unit, const ActivationBlock* x, const int16_t* values, float* acc) {
  constexpr int kParts = kBlock / T::kSubBlock;
  for (int row = 0; row < kRows; ++row) {
    int total = 0, min_total = 0;
    for (int s = 0; s < T::kSubBlocks; ++s) {
      const int at = s * T::kSubBlock;
      total += unit.scale[s][row] * dot<T::kSubBlock>(unit.q[row] + at, values + at);
      if constexpr (T::kMin) {
        min_total += unit.min[s][row] * activation_sum(x[s / kParts], T::kSubBlock, s % kParts);
      }
    }
    acc[row] = std::fma(static_cast<float>(total), unit.d[0][row] * x->scale, acc[row]);
    if constexpr (T::kMin) {
      acc[row] = std::fma(static_cast<float>(min_total), -(unit.m[0][row] * x->scale), acc[row]);
    }
  }
}

template <class T>
void add_blocks(const Unit<T>& unit, int blocks, const ActivationBlock* x, const int16_t* values,
                float* acc) {
  for (int b = 0; b < blocks; ++b) {
    for (int row = 0; row < kRows; ++row) {
      const int sum = dot<kBlock>(unit.q[row] + b * kBlock, values + b * kBlock);
      acc[row] = std::fma(static_cast<float>(sum), unit.d[b][row] * x[b].scale, acc[row]);
      if constexpr (T::kMin) acc[row] = std::fma(unit.m[b][row], x[b].scaled_sum, acc[row]);
    }
  }
}

struct Target {
  float* y;
  const float* bias;
  bool accumulate;
  int rows;
};

Target target(const LinearArgs& args, int64_t panel, int column) {
  const int64_t row = panel * kRows;
  return {args.y + column * args.y_stride + row, args.bias == nullptr ? nullptr : args.bias + row,
          args.accumulate, static_cast<int>(std::min<int64_t>(kRows, args.weight->rows - row))};
}

void store(const Target& out, const float* acc) {
  for (int row = 0; row < out.rows; ++row) {
    float value = acc[row];
    if (out.bias != nullptr) value += out.bias[row];
    out.y[row] = out.accumulate ? out.y[row] + value : value;
  }
}

// Sums of a few columns are kept while the units go by, so that a unit is read once for all of them.
constexpr int kColumns = 32;

template <class T>
void panel_int8(const LinearArgs& args, int64_t panel, int column, int columns) {
  float acc[kColumns][kRows] = {};
  const int64_t blocks = args.weight->cols / kBlock;
  const std::byte* packed = args.weight->data + panel * args.weight->panel_bytes;
  for (int64_t b = 0; b < blocks; b += T::kUnitBlocks, packed += T::kUnitBytes) {
    Unit<T> unit;
    read_unit<T>(packed, unit);
    const int count = static_cast<int>(std::min<int64_t>(T::kUnitBlocks, blocks - b));
    for (int c = 0; c < columns; ++c) {
      const ActivationBlock* x = args.x_int8 + (column + c) * args.x_stride + b;
      int16_t values[T::kUnitBlocks * kBlock];
      for (int i = 0; i < count; ++i) {
        for (int k = 0; k < kBlock; ++k) values[i * kBlock + k] = x[i].q[k];
      }
      if constexpr (T::kSuper) {
        add_super_unit<T>(unit, x, values, acc[c]);
      } else {
        add_blocks<T>(unit, count, x, values, acc[c]);
      }
    }
  }
  for (int c = 0; c < columns; ++c) store(target(args, panel, column + c), acc[c]);
}

// Decodes values [begin, begin + count) of K of a panel to [count][16] floats, as Format::decode does.
template <class T>
void decode_quantized(const std::byte* panel, int64_t begin, int count, float* out) {
  constexpr int kUnitValues = T::kUnitBlocks * kBlock;
  for (int done = 0; done < count; done += kUnitValues) {
    Unit<T> unit;
    read_unit<T>(panel + (begin + done) / kUnitValues * T::kUnitBytes, unit);
    for (int k = 0; k < std::min(kUnitValues, count - done); ++k) {
      const int s = k / T::kSubBlock;
      for (int row = 0; row < kRows; ++row) {
        float scale = unit.d[T::kSuper ? 0 : s][row];
        if constexpr (T::kSuper) scale *= static_cast<float>(unit.scale[s][row]);
        float value = scale * static_cast<float>(unit.q[row][k]);
        if constexpr (T::kMin && T::kSuper) value -= unit.m[0][row] * static_cast<float>(unit.min[s][row]);
        if constexpr (T::kMin && !T::kSuper) value += unit.m[s][row];
        out[(done + k) * kRows + row] = value;
      }
    }
  }
}

void decode_f32(const std::byte* panel, int64_t begin, int count, float* out) {
  std::memcpy(out, panel + begin * kRows * 4, static_cast<size_t>(count) * kRows * 4);
}

template <float (*Widen)(uint16_t)>
void decode_16bit(const std::byte* panel, int64_t begin, int count, float* out) {
  for (int i = 0; i < count * kRows; ++i) {
    uint16_t bits;
    std::memcpy(&bits, panel + (begin * kRows + i) * 2, 2);
    out[i] = Widen(bits);
  }
}

using Decode = void (*)(const std::byte* panel, int64_t begin, int count, float* out);

void panel_f32(const LinearArgs& args, Decode decode, int64_t panel, int column, int columns) {
  float sums[kColumns][kRows] = {};
  float weights[kF32Depth * kRows];
  for (int64_t begin = 0; begin < args.weight->cols; begin += kF32Depth) {
    const int depth = static_cast<int>(std::min<int64_t>(kF32Depth, args.weight->cols - begin));
    decode(args.weight->data + panel * args.weight->panel_bytes, begin, depth, weights);
    for (int c = 0; c < columns; ++c) {
      const float* x = args.x_f32 + (column + c) * args.x_stride + begin;
      float acc[kRows] = {};
      for (int k = 0; k < depth; ++k) {
        for (int row = 0; row < kRows; ++row) acc[row] += weights[k * kRows + row] * x[k];
      }
      for (int row = 0; row < kRows; ++row) sums[c][row] += acc[row];
    }
  }
  for (int c = 0; c < columns; ++c) store(target(args, panel, column + c), sums[c]);
}

template <class Body>
void for_each_tile(const LinearArgs& args, const Body& body) {
  for (int64_t panel = args.panel_begin; panel < args.panel_end; ++panel) {
    for (int c = 0; c < args.columns; c += kColumns) body(panel, c, std::min(kColumns, args.columns - c));
  }
}

Decode decoder(PackedKind kind) {
  switch (kind) {
#define PT_PACKED(name, bits, sub_block, super, min, offset) \
  case PackedKind::k##name:                                  \
    return decode_quantized<Packed##name>;
#include "kernels/isa/packed_formats.inc"
#undef PT_PACKED
    case PackedKind::kF32:
      return decode_f32;
    case PackedKind::kF16:
      return decode_16bit<f16_to_f32>;
    case PackedKind::kBF16:
      return decode_16bit<bf16_to_f32>;
  }
  return nullptr;
}

}  // namespace

void quantize(const float* x, int64_t count, int scale_block, ActivationBlock* out) {
  for (int64_t begin = 0; begin < count; begin += scale_block) {
    const int64_t end = std::min(begin + scale_block, count);
    float peak = 0.0f;
    for (int64_t i = begin; i < end; ++i) peak = std::max(peak, std::fabs(x[i]));
    // Below this the inverse overflows; the values are as good as zero.
    const bool zero = peak < 1e-30f;
    const float scale = zero ? 0.0f : peak / 127.0f;
    const float inverse = zero ? 0.0f : 127.0f / peak;
    for (int64_t i = begin; i < end; i += kBlock) {
      ActivationBlock& block = out[i / kBlock];
      int sums[2] = {};
      for (int k = 0; k < kBlock; ++k) {
        const int q = i + k < end ? static_cast<int>(std::lrint(x[i + k] * inverse)) : 0;
        block.q[k] = static_cast<int8_t>(q);
        sums[k / 16] += block.q[k];
      }
      const int sum = sums[0] + sums[1];
      block.scale = scale;
      block.scaled_sum = scale * static_cast<float>(sum);
      block.neg_sum = -sum;
      block.neg_sum_lo = -sums[0];
      block.neg_sum_hi = -sums[1];
      block.half_sums[0] = static_cast<int16_t>(sums[0]);
      block.half_sums[1] = static_cast<int16_t>(sums[1]);
      block.pair_sums[0] = block.pair_sums[1] = 0;
      block.scale_block = scale_block;
    }
    if (scale_block == kBlock) continue;
    for (int64_t b = begin / kBlock; b * kBlock < end; b += 2) {
      const bool pair = (b + 1) * kBlock < end;
      out[b].pair_sums[0] = static_cast<int16_t>(-out[b].neg_sum);
      out[b].pair_sums[1] = static_cast<int16_t>(pair ? -out[b + 1].neg_sum : 0);
    }
  }
}

void linear_int8(const LinearArgs& args) {
  PT_CHECK(args.x_int8->scale_block >= args.weight->layout->scale_block);
  switch (args.weight->layout->kind) {
#define PT_PACKED(name, bits, sub_block, super, min, offset)                 \
  case PackedKind::k##name:                                                  \
    return for_each_tile(args, [&](int64_t panel, int column, int columns) { \
      panel_int8<Packed##name>(args, panel, column, columns);                \
    });
#include "kernels/isa/packed_formats.inc"
#undef PT_PACKED
    default:
      PT_CHECK(!"float formats have no int8 product");
  }
}

void linear_f32(const LinearArgs& args) {
  const Decode decode = decoder(args.weight->layout->kind);
  for_each_tile(
      args, [&](int64_t panel, int column, int columns) { panel_f32(args, decode, panel, column, columns); });
}

LinearPlan plan_f32(int columns) {
  return {.tile_rows = kRows, .tile_columns = std::min(columns, kColumns), .widened = false};
}

LinearPlan plan_int8(const PanelLayout& /*layout*/, int columns, const LinearTuning& /*tuning*/) {
  return plan_f32(columns);
}

}  // namespace pingti::reference
