// Rows of a file -> panels. One function per format moves the part of one row that belongs to one unit.
#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "kernels/isa/panel_traits.h"
#include "kernels/linear.h"
#include "quant/blocks.h"

namespace pingti {
namespace {

constexpr uint32_t kNibbles = 0x0f0f0f0f, kPairs = 0x03030303, kOnes = 0x01010101;

uint32_t load32(const uint8_t* p) {
  uint32_t v;
  std::memcpy(&v, p, 4);
  return v;
}

// Where one row's values of one block go: dwords 64 bytes apart (linear.h, "Bit planes").
class RowPlanes {
 public:
  RowPlanes(std::byte* block, int row) : at_(block + 4 * row) {}

  // b[i]: value i in the low nibble, value i + 16 in the high one.
  void put_nibbles(int word, uint32_t b) { put(word, b); }
  // values: the eight dwords of the block's 2-bit parts, four values in each.
  void put_pairs(int first_vector, const uint32_t* values) {
    for (int j = 0; j < 2; ++j) {
      const uint32_t* v = values + 4 * j;
      put(first_vector + j, v[0] | v[1] << 2 | v[2] << 4 | v[3] << 6);
    }
  }
  void put_bits(int vector, const uint32_t* values) {
    uint32_t word = 0;
    for (int g = 0; g < 8; ++g) word |= values[g] << g;
    put(vector, word);
  }
  void put(int vector, uint32_t word) { std::memcpy(at_ + 64 * vector, &word, 4); }

 private:
  std::byte* at_;
};

template <class T>
std::byte* block_at(std::byte* unit, int block) {
  return unit + T::kQuantsOffset + block * T::kBlockBytes;
}

template <class T>
void put_scale16(std::byte* unit, int offset, int block, int row, uint16_t bits) {
  std::memcpy(unit + offset + (block * kPanelRows + row) * 2, &bits, 2);
}

template <class T>
void put_sub_scale(std::byte* unit, int sub, int row, int scale) {
  unit[T::kScalesOffset + sub * kPanelRows + row] = static_cast<std::byte>(scale);
}

template <class T>
void put_sub_min(std::byte* unit, int sub, int row, int min) {
  unit[T::kMinsOffset + (sub / 2 * kPanelRows + row) * 2 + sub % 2] = static_cast<std::byte>(min);
}

void put_super(std::byte* unit, int offset, int row, uint16_t bits) {
  std::memcpy(unit + offset + 2 * row, &bits, 2);
}

// The 32 one-bit values of a little-endian word, as put_bits stores them: bit 4g + t to bit g of byte t.
uint32_t spread_bits(uint32_t word) {
  uint32_t out = 0;
  for (int t = 0; t < 4; ++t) {
    uint32_t x = (word >> t) & 0x11111111u;
    x = (x | x >> 3) & kPairs;
    x = (x | x >> 6) & 0x000f000fu;
    x = (x | x >> 12) & 0xffu;
    out |= x << (8 * t);
  }
  return out;
}

// Q4_0, Q4_1, Q5_0, Q5_1.
template <class T, class Block>
void pack_nibbles(const std::byte* src, int blocks, int row, std::byte* unit) {
  for (int b = 0; b < blocks; ++b) {
    Block block;
    std::memcpy(&block, src + b * sizeof(Block), sizeof(Block));
    put_scale16<T>(unit, T::kScalesOffset, b, row, block.d);
    if constexpr (T::kMin) put_scale16<T>(unit, T::kMinsOffset, b, row, block.m);
    RowPlanes planes(block_at<T>(unit, b), row);
    for (int j = 0; j < 4; ++j) planes.put_nibbles(j, load32(block.qs + 4 * j));
    if constexpr (T::kBits == 5) planes.put(4, spread_bits(load32(block.qh)));
  }
}

void pack_q8_0(const std::byte* src, int blocks, int row, std::byte* unit) {
  using T = PackedQ8_0;
  for (int b = 0; b < blocks; ++b) {
    BlockQ8_0 block;
    std::memcpy(&block, src + b * sizeof(BlockQ8_0), sizeof(BlockQ8_0));
    put_scale16<T>(unit, T::kScalesOffset, b, row, block.d);
    RowPlanes planes(block_at<T>(unit, b), row);
    for (int g = 0; g < 8; ++g) {
      planes.put(g, load32(reinterpret_cast<const uint8_t*>(block.qs) + 4 * g) ^ 0x80808080u);
    }
  }
}

// Q4_K, Q5_K.
template <class T, class Block>
void pack_k_nibbles(const std::byte* src, int, int row, std::byte* unit) {
  const Block& block = *reinterpret_cast<const Block*>(src);
  put_super(unit, 0, row, block.d);
  put_super(unit, T::kDminOffset, row, block.dmin);
  for (int s = 0; s < 8; ++s) {
    const ScaleMin packed = k_scale_min(block.scales, s);
    put_sub_scale<T>(unit, s, row, packed.scale);
    put_sub_min<T>(unit, s, row, packed.min);
  }
  for (int c = 0; c < 4; ++c) {  // 64 values: the even block in low nibbles, the odd one in high nibbles
    RowPlanes even(block_at<T>(unit, 2 * c), row), odd(block_at<T>(unit, 2 * c + 1), row);
    for (int j = 0; j < 4; ++j) {
      const uint32_t first = load32(block.qs + 32 * c + 4 * j),
                     second = load32(block.qs + 32 * c + 16 + 4 * j);
      even.put_nibbles(j, (first & kNibbles) | (second & kNibbles) << 4);
      odd.put_nibbles(j, (first >> 4 & kNibbles) | (second & ~kNibbles));
    }
  }
  if constexpr (T::kBits == 5) {
    for (int b = 0; b < 8; ++b) {
      uint32_t bits[8];
      for (int g = 0; g < 8; ++g) bits[g] = load32(block.qh + 4 * g) >> b & kOnes;
      RowPlanes(block_at<T>(unit, b), row).put_bits(4, bits);
    }
  }
}

// The 2-bit parts of block b, placed as in qs of Q2_K and Q3_K and in qh of Q6_K.
void pack_pairs(const uint8_t* stored, int b, int first_vector, RowPlanes planes) {
  uint32_t pairs[8];
  for (int g = 0; g < 8; ++g) pairs[g] = load32(stored + 32 * (b / 4) + 4 * g) >> (2 * (b % 4)) & kPairs;
  planes.put_pairs(first_vector, pairs);
}

void pack_q2_k(const std::byte* src, int, int row, std::byte* unit) {
  using T = PackedQ2_K;
  const auto& block = *reinterpret_cast<const BlockQ2_K*>(src);
  put_super(unit, 0, row, block.d);
  put_super(unit, T::kDminOffset, row, block.dmin);
  for (int s = 0; s < 16; ++s) {
    put_sub_scale<T>(unit, s, row, block.scales[s] & 15);
    put_sub_min<T>(unit, s, row, block.scales[s] >> 4);
  }
  for (int b = 0; b < 8; ++b) pack_pairs(block.qs, b, 0, RowPlanes(block_at<T>(unit, b), row));
}

void pack_q3_k(const std::byte* src, int, int row, std::byte* unit) {
  using T = PackedQ3_K;
  const auto& block = *reinterpret_cast<const BlockQ3_K*>(src);
  put_super(unit, 0, row, block.d);
  for (int s = 0; s < 16; ++s) put_sub_scale<T>(unit, s, row, q3_k_scale(block.scales, s));
  for (int b = 0; b < 8; ++b) {
    RowPlanes planes(block_at<T>(unit, b), row);
    pack_pairs(block.qs, b, 0, planes);
    uint32_t bits[8];
    for (int g = 0; g < 8; ++g) bits[g] = load32(block.hmask + 4 * g) >> b & kOnes;
    planes.put_bits(2, bits);
  }
}

void pack_q6_k(const std::byte* src, int, int row, std::byte* unit) {
  using T = PackedQ6_K;
  const auto& block = *reinterpret_cast<const BlockQ6_K*>(src);
  put_super(unit, 0, row, block.d);
  for (int s = 0; s < 16; ++s) put_sub_scale<T>(unit, s, row, block.scales[s]);
  for (int b = 0; b < 8; ++b) {
    RowPlanes planes(block_at<T>(unit, b), row);
    const uint8_t* low = block.ql + 64 * (b / 4) + 32 * (b % 2);
    const int shift = 4 * (b % 4 / 2);
    for (int j = 0; j < 4; ++j) {
      planes.put_nibbles(
          j, (load32(low + 4 * j) >> shift & kNibbles) | (load32(low + 16 + 4 * j) >> shift & kNibbles) << 4);
    }
    pack_pairs(block.qh, b, 4, planes);
  }
}

// One row of a float format into its panel.
template <int Bytes>
void pack_floats(const std::byte* src, int64_t cols, int row, std::byte* panel) {
  for (int64_t k = 0; k < cols; ++k) {
    std::memcpy(panel + (k * kPanelRows + row) * Bytes, src + k * Bytes, Bytes);
  }
}

void pack_float_panel(const PackedMatrix& matrix, const std::byte* src, int rows, std::byte* panel) {
  const int bytes = matrix.layout->format->block_bytes;
  if (rows < kPanelRows) std::memset(panel, 0, static_cast<size_t>(matrix.panel_bytes));
  for (int row = 0; row < rows; ++row) {
    const std::byte* from = src + row * matrix.cols * bytes;
    if (bytes == 4) pack_floats<4>(from, matrix.cols, row, panel);
    if (bytes == 2) pack_floats<2>(from, matrix.cols, row, panel);
  }
}

using PackRow = void (*)(const std::byte* src, int blocks, int row, std::byte* unit);

PackRow row_packer(PackedKind kind) {
  switch (kind) {
    case PackedKind::kQ4_0:
      return pack_nibbles<PackedQ4_0, BlockQ4_0>;
    case PackedKind::kQ4_1:
      return pack_nibbles<PackedQ4_1, BlockQ4_1>;
    case PackedKind::kQ5_0:
      return pack_nibbles<PackedQ5_0, BlockQ5_0>;
    case PackedKind::kQ5_1:
      return pack_nibbles<PackedQ5_1, BlockQ5_1>;
    case PackedKind::kQ8_0:
      return pack_q8_0;
    case PackedKind::kQ2_K:
      return pack_q2_k;
    case PackedKind::kQ3_K:
      return pack_q3_k;
    case PackedKind::kQ4_K:
      return pack_k_nibbles<PackedQ4_K, BlockQ4_K>;
    case PackedKind::kQ5_K:
      return pack_k_nibbles<PackedQ5_K, BlockQ5_K>;
    case PackedKind::kQ6_K:
      return pack_q6_k;
    case PackedKind::kF32:
    case PackedKind::kF16:
    case PackedKind::kBF16:
      break;  // pack_float_panel
  }
  return nullptr;
}

}  // namespace

void pack_panels(const PackedMatrix& matrix, const std::byte* file_rows, int64_t panel_begin,
                 int64_t panel_end) {
  const PanelLayout& layout = *matrix.layout;
  PT_CHECK(matrix.data != nullptr);
  PT_CHECK(0 <= panel_begin && panel_begin <= panel_end && panel_end <= matrix.panels());
  const PackRow pack = row_packer(layout.kind);
  const int64_t row_bytes = layout.format->bytes_for(matrix.cols);
  const int64_t unit_file_bytes = layout.format->bytes_for(layout.unit_blocks * kActivationBlock);
  const int64_t blocks = matrix.cols / kActivationBlock;
  for (int64_t panel = panel_begin; panel < panel_end; ++panel) {
    std::byte* unit = matrix.data + panel * matrix.panel_bytes;
    const std::byte* src = file_rows + panel * kPanelRows * row_bytes;
    const int rows = static_cast<int>(std::min<int64_t>(kPanelRows, matrix.rows - panel * kPanelRows));
    if (layout.is_float()) {
      pack_float_panel(matrix, src, rows, unit);
      continue;
    }
    for (int64_t b = 0; b < blocks; b += layout.unit_blocks) {
      const int count = static_cast<int>(std::min<int64_t>(layout.unit_blocks, blocks - b));
      const bool partial = rows < kPanelRows || count < layout.unit_blocks;
      if (partial) std::memset(unit, 0, static_cast<size_t>(layout.unit_bytes));
      if (layout.super_scales) std::memset(unit, 0, 64);  // the padding of the super scales
      for (int row = 0; row < rows; ++row) pack(src + row * row_bytes, count, row, unit);
      unit += layout.unit_bytes;
      src += unit_file_bytes;
    }
  }
}

}  // namespace pingti
