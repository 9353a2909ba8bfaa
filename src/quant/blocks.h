// The stored blocks of every quantized format, byte for byte as GGUF files hold them (little-endian).
//
// A row of K values is K / block_values blocks in order. `d`, `m` and `dmin` are f16 bits (half.h).
// In the formulas below x[i] is value i of the block and q[i] its stored integer. All structs have
// alignment 2 or 1 and may be read in place from a file map.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pingti {

// The small formats: 32 values per block.
inline constexpr int kBlock = 32;
// The K formats: 256 values per super-block, split into sub-blocks of 16 or 32.
inline constexpr int kSuperBlock = 256;

// x[i] = d * (q[i] - 8). qs[j]: low nibble q[j], high nibble q[j + 16].
struct BlockQ4_0 {
  uint16_t d;
  uint8_t qs[16];
};
static_assert(sizeof(BlockQ4_0) == 18);

// x[i] = d * q[i] + m. Nibbles as in Q4_0.
struct BlockQ4_1 {
  uint16_t d;
  uint16_t m;
  uint8_t qs[16];
};
static_assert(sizeof(BlockQ4_1) == 20);

// x[i] = d * (q[i] - 16), q of 5 bits. Low 4 bits as in Q4_0; bit i of the little-endian 32-bit word qh is
// bit 4 of q[i].
struct BlockQ5_0 {
  uint16_t d;
  uint8_t qh[4];
  uint8_t qs[16];
};
static_assert(sizeof(BlockQ5_0) == 22);

// x[i] = d * q[i] + m. Bits as in Q5_0.
struct BlockQ5_1 {
  uint16_t d;
  uint16_t m;
  uint8_t qh[4];
  uint8_t qs[16];
};
static_assert(sizeof(BlockQ5_1) == 24);

// x[i] = d * qs[i].
struct BlockQ8_0 {
  uint16_t d;
  int8_t qs[32];
};
static_assert(sizeof(BlockQ8_0) == 34);

// 16 sub-blocks of 16. x[i] = d * scale[s] * q[i] - dmin * min[s], s = i / 16, q of 2 bits.
// scales[s]: low nibble scale, high nibble min. In half h = i / 128 with r = i % 128, q[i] is bits
// 2 * (r / 32) of qs[32 * h + r % 32].
struct BlockQ2_K {
  uint8_t scales[16];
  uint8_t qs[64];
  uint16_t d;
  uint16_t dmin;
};
static_assert(sizeof(BlockQ2_K) == 84);

// 16 sub-blocks of 16. x[i] = d * (scale[s] - 32) * (q[i] - 4), s = i / 16, q of 3 bits, scale of 6.
// Low 2 bits of q placed as in Q2_K; bit i / 32 of hmask[i % 32] is bit 2 of q[i].
// Low 4 bits of scale[s]: nibble s / 8 of scales[s % 8]; high 2: bits 2 * (s / 4) of scales[8 + s % 4].
struct BlockQ3_K {
  uint8_t hmask[32];
  uint8_t qs[64];
  uint8_t scales[12];
  uint16_t d;
};
static_assert(sizeof(BlockQ3_K) == 110);

// 8 sub-blocks of 32. x[i] = d * scale[s] * q[i] - dmin * min[s], s = i / 32, q of 4 bits, scale and min of
// 6 (packed: see k_scale_min). Of each 64 values c = i / 64, qs[32 * c + j] holds value j of the first 32 in
// its low nibble and value j of the second 32 in its high nibble.
struct BlockQ4_K {
  uint16_t d;
  uint16_t dmin;
  uint8_t scales[12];
  uint8_t qs[128];
};
static_assert(sizeof(BlockQ4_K) == 144);

// As Q4_K with q of 5 bits: bit i / 32 of qh[i % 32] is bit 4 of q[i].
struct BlockQ5_K {
  uint16_t d;
  uint16_t dmin;
  uint8_t scales[12];
  uint8_t qh[32];
  uint8_t qs[128];
};
static_assert(sizeof(BlockQ5_K) == 176);

// 16 sub-blocks of 16. x[i] = d * scales[i / 16] * (q[i] - 32), q of 6 bits.
// In half h = i / 128 with r = i % 128: the low 4 bits are nibble r / 64 of ql[64 * h + r % 64], the high 2
// are bits 2 * (r / 32) of qh[32 * h + r % 32].
struct BlockQ6_K {
  uint8_t ql[128];
  uint8_t qh[64];
  int8_t scales[16];
  uint16_t d;
};
static_assert(sizeof(BlockQ6_K) == 210);

struct ScaleMin {
  int scale;  // 0..63
  int min;    // 0..63
};

// Scale and min of sub-block s (0..7) in the 12 packed bytes of Q4_K and Q5_K. Sub-blocks 0..3: low 6 bits
// of bytes s (scale) and s + 4 (min). Sub-blocks 4..7: the low 4 bits are the nibbles of byte s + 4 (low:
// scale, high: min), the high 2 bits are the top bits of bytes s - 4 (scale) and s (min).
inline ScaleMin k_scale_min(const uint8_t* scales, int s) {
  if (s < 4) return {scales[s] & 63, scales[s + 4] & 63};
  return {(scales[s + 4] & 15) | ((scales[s - 4] >> 6) << 4), (scales[s + 4] >> 4) | ((scales[s] >> 6) << 4)};
}

// Signed scale (-32..31) of sub-block s (0..15) of a Q3_K block.
inline int q3_k_scale(const uint8_t* scales, int s) {
  const int low = (scales[s % 8] >> (4 * (s / 8))) & 15;
  const int high = (scales[8 + s % 4] >> (2 * (s / 4))) & 3;
  return (low | (high << 4)) - 32;
}

}  // namespace pingti
