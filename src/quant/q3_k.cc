#include <cmath>

#include "quant/blocks.h"
#include "quant/fit.h"
#include "quant/format.h"

namespace pingti {
namespace {

constexpr int kSubBlocks = 16;
constexpr int kSub = kSuperBlock / kSubBlocks;

void decode_block(const BlockQ3_K& block, float* dst) {
  const float d = f16_to_f32(block.d);
  for (int s = 0; s < kSubBlocks; ++s) {
    const float scale = d * static_cast<float>(q3_k_scale(block.scales, s));
    const uint8_t* qs = block.qs + 32 * (s / 8) + kSub * (s % 2);
    const uint8_t* hmask = block.hmask + kSub * (s % 2);
    const int shift = 2 * (s % 8 / 2);
    for (int j = 0; j < kSub; ++j) {
      const int q = ((qs[j] >> shift) & 3) | ((hmask[j] >> (s / 2)) & 1) << 2;
      *dst++ = scale * static_cast<float>(q - 4);
    }
  }
}

void put_scale(uint8_t* scales, int s, int scale) {
  const int stored = scale + 32;
  scales[s % 8] = static_cast<uint8_t>(scales[s % 8] | (stored & 15) << (4 * (s / 8)));
  scales[8 + s % 4] = static_cast<uint8_t>(scales[8 + s % 4] | (stored >> 4) << (2 * (s / 4)));
}

void encode_block(const float* x, BlockQ3_K& block) {
  float fits[kSubBlocks];
  for (int s = 0; s < kSubBlocks; ++s) fits[s] = quant::fit_symmetric(x + s * kSub, kSub, 4);
  block = {};
  block.d = quant::scale_bits(quant::signed_peak(fits, kSubBlocks) / -32.0f);
  const float d = f16_to_f32(block.d);
  for (int s = 0; s < kSubBlocks; ++s) {
    const int scale = quant::nearest(fits[s] * quant::inverse(d), -32, 31);
    put_scale(block.scales, s, scale);
    const float inverse = quant::inverse(d * static_cast<float>(scale));
    uint8_t* qs = block.qs + 32 * (s / 8) + kSub * (s % 2);
    uint8_t* hmask = block.hmask + kSub * (s % 2);
    for (int j = 0; j < kSub; ++j) {
      const int q = quant::nearest(x[s * kSub + j] * inverse, -4, 3) + 4;
      qs[j] = static_cast<uint8_t>(qs[j] | (q & 3) << (2 * (s % 8 / 2)));
      hmask[j] = static_cast<uint8_t>(hmask[j] | (q >> 2) << (s / 2));
    }
  }
}

void decode(const std::byte* src, float* dst, int64_t values) {
  const auto* blocks = reinterpret_cast<const BlockQ3_K*>(src);
  for (int64_t b = 0; b < values / kSuperBlock; ++b) decode_block(blocks[b], dst + b * kSuperBlock);
}

void encode(const float* src, std::byte* dst, int64_t values) {
  auto* blocks = reinterpret_cast<BlockQ3_K*>(dst);
  float x[kSuperBlock];
  for (int64_t b = 0; b < values / kSuperBlock; ++b) {
    quant::copy_finite(src + b * kSuperBlock, x, kSuperBlock);
    encode_block(x, blocks[b]);
  }
}

}  // namespace

extern const Format kQ3_KFormat;
const Format kQ3_KFormat{DType::kQ3_K, "Q3_K", kSuperBlock, sizeof(BlockQ3_K), decode, encode};

}  // namespace pingti
