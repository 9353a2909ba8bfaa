// Matrix times activations over repacked weights.
//
// A weight matrix [rows, cols] in a storage format is repacked once at load into panels of 16 rows. A panel
// is one linear stream of units, each unit_blocks blocks of 32 values of K (2; for K-quants 8, one
// super-block), in this order:
//   super scales   K-quants only: f16 d[16], then f16 dmin[16] where the format has mins
//   scales         [sub-blocks][16]: f16 (one block scale) or int8/uint8 (K-quants' sub-block scales)
//   mins           formats with mins only: f16 [blocks][16], or K-quants: uint8 [sub-blocks / 2][16][2]
//   quants         [blocks][bit planes]: 16 rows x 32 values each
// Super scales, and scales with mins, are padded to 64 bytes. A last unit with fewer blocks is zero-padded.
// The integers and scales are those of the file, exactly; only their order changes. All ISAs share the
// layout, so a packed matrix does not depend on the ISA.
//
// Bit planes of one block of 32 values (k = 0..31) by 16 rows. "Group g" is k = 4g..4g+3, stored as 16 rows
// x 4 consecutive k bytes = 64 bytes (row r, value k at byte 4r + k % 4), as VNNI wants it.
//   8 bits: 8 groups, one byte per value (value + 128 where the format is signed)
//   4 bits: 4 x 64 bytes; vector j holds group j in the low nibbles and group j + 4 in the high ones
//   2-bit plane: 2 x 64 bytes; bits 2i..2i+1 of vector j belong to group 4j + i
//   1-bit plane: 64 bytes; bit g belongs to group g
//   6 bits = 4 + 2, 5 bits = 4 + 1, 3 bits = 2 + 1 planes, low bits first; 2 bits = the 2-bit plane.
// Float formats (F32, F16, BF16): [cols][16] values, nothing else.
//
// Numerics of linear_int8, for each (row, column), with integer sums exact, along K in order:
//   formats with one scale per 32 values, per block:
//     acc = fma(float(sum_i (q_i - offset) * a_i), weight_scale * activation_scale, acc)
//     acc = fma(weight_min, activation_scale * sum_i a_i, acc)                        (formats with mins)
//   K-quants, per super-block of 256 values, sub-blocks s:
//     acc = fma(float(sum_s scale_s * sum_i (q_i - offset) * a_i), d * activation_scale, acc)
//     acc = fma(float(sum_s min_s * sum_i a_i), -dmin * activation_scale, acc)        (formats with mins)
// Nothing depends on the column count, and all ISAs give the same bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/huge_buffer.h"
#include "base/result.h"
#include "kernels/linear_args.h"
#include "quant/format.h"

namespace pingti {

// How a storage format looks once packed, or nullptr.
const PanelLayout* panel_layout(DType type);

// Describes the matrix (data still null); cols must be a multiple of the format's block and of
// kActivationBlock, but for float formats, which take any. Unsupported formats are an error. Then pack_panels
// fills panels [begin, end) from the file's rows; any thread.
Result<PackedMatrix> plan_packed(DType type, int64_t rows, int64_t cols);
void pack_panels(const PackedMatrix& matrix, const std::byte* file_rows, int64_t panel_begin,
                 int64_t panel_end);
// Decodes one row to floats, bit-equal to Format::decode of the file's row (embedding look-up on a packed,
// tied head; tests).
void unpack_row(const PackedMatrix& matrix, int64_t row, float* out);

// Bytes of LinearArgs::scratch for products with this matrix, blocked by this tuning.
size_t linear_scratch_bytes(const PackedMatrix& matrix, const LinearTuning& tuning = {});

}  // namespace pingti
