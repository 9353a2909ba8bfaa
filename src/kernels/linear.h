// Matrix times activations over repacked weights.
//
// A weight matrix [rows, cols] in a storage format is repacked once at load (pack_rows) into panels of 16
// rows. A panel holds, in this order, each part padded to 64 bytes:
//   super scales   K-quants only: f16 d[supers][16], then f16 dmin[supers][16] where the format has mins
//   scales         [sub-blocks][16]: f16 (one block scale) or int8/uint8 (K-quants' sub-block scales)
//   mins           [sub-blocks][16]: likewise, formats with mins only
//   quants         [blocks of 32 values of K][bit planes]: 16 rows x 32 values each; see PanelLayout
// The integers and scales are those of the file, exactly; only their order changes. All ISAs share the
// layout (AVX2 reads half rows of it), so a packed matrix does not depend on the ISA.
//
// Bit planes of one block of 32 values (k = 0..31) by 16 rows. "Group g" is k = 4g..4g+3, stored as 16 rows
// x 4 consecutive k bytes = 64 bytes (row r, value k at byte 4r + k % 4), as VNNI wants it.
//   8 bits: 8 groups, one byte per value (value + 128 where the format is signed)
//   4 bits: 4 x 64 bytes; vector j holds group j in the low nibbles and group j + 4 in the high ones
//   2-bit plane: 2 x 64 bytes; bits 2i..2i+1 of vector j belong to group 4j + i
//   1-bit plane: 64 bytes; bit g belongs to group g
//   6 bits = 4 + 2, 5 bits = 4 + 1, 3 bits = 2 + 1 planes, low bits first; 2 bits = the 2-bit plane.
// Float formats (F32, F16, BF16): quants = [cols][16] values, nothing else.
//
// Numerics of linear_int8, for each (row, column): along K, per sub-block (16 or 32 values) in order,
//   acc = fma(float(sum_i q_i * a_i - offset * sum_i a_i), weight_scale * activation_scale, acc)
//   acc = fma(-weight_min, activation_scale * sum_i a_i, acc)         (formats with mins)
// with weight_scale = float(d) * float(sub-scale) for K-quants. Nothing depends on the column count.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/huge_buffer.h"
#include "base/result.h"
#include "quant/format.h"

namespace pingti {

constexpr int kPanelRows = 16;
constexpr int kActivationBlock = 32;

// 32 activations of one column: value = scale * q. One cache line.
struct alignas(64) ActivationBlock {
  int8_t q[kActivationBlock];
  float scale;          // max |x| / 127
  float scaled_sum;     // scale * (sum of all q)
  float scaled_sum_lo;  // scale * (sum of q[0..15])
  float scaled_sum_hi;  // scale * (sum of q[16..31])
  int32_t sum;          // sum of all q
  int32_t sum_lo;
  int32_t sum_hi;
  int32_t unused;
};
static_assert(sizeof(ActivationBlock) == 64);

// How a storage format looks once packed; one per format, found with panel_layout().
struct PanelLayout {
  const Format* format;
  int bits;           // 2, 3, 4, 5, 6, 8; 16 or 32 for float formats
  int sub_block;      // values of K that share a scale: 16 or 32; 0 for float formats
  bool super_scales;  // K-quants: f16 d (and dmin) per 256 values times an integer per sub-block
  bool has_min;
  int offset;  // subtracted from each stored integer: 8 for Q4_0, 32 for Q6_K, 128 for Q8_0 ...
  bool is_float() const { return sub_block == 0; }
};
const PanelLayout* panel_layout(DType type);

// A packed matrix: [rows, cols], rows padded to whole panels with zeros. Does not own its memory.
struct PackedMatrix {
  const PanelLayout* layout = nullptr;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t panel_bytes = 0;
  std::byte* data = nullptr;  // [panels][panel_bytes], 64-byte aligned

  int64_t panels() const { return (rows + kPanelRows - 1) / kPanelRows; }
  int64_t bytes() const { return panels() * panel_bytes; }
};

// Describes the matrix (data still null); cols must be a multiple of the format's block. Unsupported
// formats are an error. Then pack_panels fills panels [begin, end) from the file's rows; any thread.
Result<PackedMatrix> plan_packed(DType type, int64_t rows, int64_t cols);
void pack_panels(const PackedMatrix& matrix, const std::byte* file_rows, int64_t panel_begin,
                 int64_t panel_end);
// Decodes one row to floats, bit-equal to Format::decode of the file's row (embedding look-up on a packed,
// tied head; tests).
void unpack_row(const PackedMatrix& matrix, int64_t row, float* out);

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
};
size_t linear_scratch_bytes(const PackedMatrix& matrix);

}  // namespace pingti
