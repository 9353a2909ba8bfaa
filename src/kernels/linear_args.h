// The plain data of linear products: activations, packed matrices, arguments. No standard-library templates:
// the files compiled for one instruction set (isa/) include this.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pingti {

struct Format;
enum class PackedKind;  // isa/panel_traits.h

constexpr int kPanelRows = 16;
constexpr int kActivationBlock = 32;
constexpr int kSuperScaleValues = 256;  // K-quants: values of K under one super scale

// Quantized formats that have packed panels: the rows of packed_formats.inc.
constexpr int kPackedFormats = 0
#define PT_PACKED(name, bits, sub_block, super, min, offset) +1
#include "kernels/isa/packed_formats.inc"
#undef PT_PACKED
    ;

// How a product is blocked. All values give the same bits; which are fast is the machine's (tuning.h).
struct LinearTuning {
  // Up to so many columns, all of them meet the weights while these stream from memory. With more, weights
  // are read from the caches once per group of columns, whose activations take at most group_bytes.
  int64_t stream_columns = 36;
  int64_t group_bytes = 192 << 10;
  // Panels are widened to a byte per value when there are more columns than this (0: as the instruction
  // set's table prefers), and as many at a time as fit wide_bytes, but at least two.
  int64_t direct_columns[kPackedFormats] = {};  // by PackedKind
  int64_t wide_bytes = 640 << 10;
};

// The loop a product runs: its largest tile, and what it reads.
struct LinearPlan {
  int tile_rows;
  int tile_columns;
  bool widened;  // panels rewritten with a byte per value
};

// 32 activations of one column: value = scale * q. One cache line. Made by Kernels::quantize only.
struct alignas(64) ActivationBlock {
  int8_t q[kActivationBlock];
  float scale;           // max |x| / 127 over scale_block values
  float scaled_sum;      // scale * (sum of all q)
  int32_t neg_sum;       // -(sum of all q)
  int32_t neg_sum_lo;    // -(sum of q[0..15])
  int32_t neg_sum_hi;    // -(sum of q[16..31])
  int16_t half_sums[2];  // sums of q[0..15], q[16..31]
  int16_t pair_sums[2];  // even blocks of a 256-group: sums of this block and of the next; otherwise zero
  int32_t scale_block;   // values sharing `scale`: 32 or 256
};
static_assert(sizeof(ActivationBlock) == 64);

// How a storage format looks once packed (linear.h has the picture); one per format.
struct PanelLayout {
  PackedKind kind;
  const Format* format;
  int bits;           // 2, 3, 4, 5, 6, 8; 16 or 32 for float formats
  int sub_block;      // values of K that share a scale: 16 or 32; 0 for float formats
  bool super_scales;  // K-quants: f16 d (and dmin) per 256 values times an integer per sub-block
  bool has_min;
  int offset;       // subtracted from each stored integer: 8 for Q4_0, 32 for Q6_K, 128 for Q8_0 ...
  int scale_block;  // activations must share scales over so many values: 32, or 256 for K-quants
  // A panel is a row of units of unit_blocks * 32 values of K; these are bytes from a unit's start.
  int unit_blocks;
  int unit_bytes;
  int scales_offset;
  int mins_offset;
  int quants_offset;
  int wide_unit_bytes;  // of the same unit with a byte per value
  [[gnu::always_inline]] bool is_float() const { return sub_block == 0; }
};

// A packed matrix: [rows, cols], rows padded to whole panels with zeros. Does not own its memory.
struct PackedMatrix {
  const PanelLayout* layout = nullptr;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t panel_bytes = 0;
  std::byte* data = nullptr;  // [panels][panel_bytes], 64-byte aligned

  [[gnu::always_inline]] int64_t panels() const { return (rows + kPanelRows - 1) / kPanelRows; }
  [[gnu::always_inline]] int64_t bytes() const { return panels() * panel_bytes; }
};

struct LinearArgs {
  const PackedMatrix* weight = nullptr;
  int columns = 0;                          // activations (tokens), any number >= 1
  const ActivationBlock* x_int8 = nullptr;  // linear_int8: column c starts at x_int8 + c * x_stride
  const float* x_f32 = nullptr;             // linear_f32: likewise, in floats; [columns, cols]
  int64_t x_stride = 0;                     // blocks or floats from one column to the next
  float* y = nullptr;                       // [columns, rows]: y[c * y_stride + row]
  int64_t y_stride = 0;
  const float* bias = nullptr;  // [rows] or null, added last but for the residual
  bool accumulate = false;      // y += result (residual) instead of y = result
  int64_t panel_begin = 0;      // the panels to compute
  int64_t panel_end = 0;
  std::byte* scratch = nullptr;  // linear_scratch_bytes(), private to the caller's thread, 64-byte aligned
  LinearTuning tuning;
};

}  // namespace pingti
