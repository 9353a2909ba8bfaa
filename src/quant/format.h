// Storage formats of weights: what a block holds, and the reference conversion from and to float.
//
// Formats are immutable statics; any thread may use them. Each lives in its own file (q4_k.cc ...) and has
// its row in formats.inc; the block structs are in blocks.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace pingti {

// Numbers as GGUF files write them.
enum class DType : uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kBF16 = 30,
};

struct Format {
  DType type;
  const char* name;  // as GGUF tools spell it: "Q4_K"
  int block_values;  // values per block; a row's length is a multiple of it
  int block_bytes;

  // Converts `values` (a multiple of block_values) stored values to float, to the bit as ggml's
  // dequantization does. `src` is aligned to 2 bytes.
  void (*decode)(const std::byte* src, float* dst, int64_t values);

  // The reverse, rounding to nearest, with scales chosen by least squares in the K formats. Of blocks with a
  // scale: NaN is taken as 0 and values beyond what an f16 scale can express saturate, so that decoding
  // never gives NaN or infinity.
  void (*encode)(const float* src, std::byte* dst, int64_t values);

  int64_t bytes_for(int64_t values) const { return values / block_values * block_bytes; }
  double bits_per_value() const { return 8.0 * block_bytes / block_values; }
};

// nullptr where there is no such format.
const Format* find_format(DType type);
const Format* find_format(std::string_view name);

std::span<const Format* const> all_formats();

}  // namespace pingti
