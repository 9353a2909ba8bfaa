#include <algorithm>

#include "quant/blocks.h"
#include "quant/fit.h"
#include "quant/format.h"

namespace pingti {
namespace {

constexpr int kSubBlocks = 16;
constexpr int kSub = kSuperBlock / kSubBlocks;

void decode_block(const BlockQ2_K& block, float* dst) {
  const float d = f16_to_f32(block.d);
  const float dmin = f16_to_f32(block.dmin);
  for (int s = 0; s < kSubBlocks; ++s) {
    const float scale = d * static_cast<float>(block.scales[s] & 15);
    const float min = dmin * static_cast<float>(block.scales[s] >> 4);
    const uint8_t* qs = block.qs + 32 * (s / 8) + kSub * (s % 2);
    const int shift = 2 * (s % 8 / 2);
    for (int j = 0; j < kSub; ++j) *dst++ = scale * static_cast<float>((qs[j] >> shift) & 3) - min;
  }
}

void encode_block(const float* x, BlockQ2_K& block) {
  quant::Affine fits[kSubBlocks];
  float top_scale = 0, top_min = 0;
  for (int s = 0; s < kSubBlocks; ++s) {
    fits[s] = quant::fit_affine(x + s * kSub, kSub, 3);
    top_scale = std::max(top_scale, fits[s].scale);
    top_min = std::max(top_min, -fits[s].offset);
  }
  block = {};
  block.d = quant::scale_bits(top_scale / 15.0f);
  block.dmin = quant::scale_bits(top_min / 15.0f);
  const float d = f16_to_f32(block.d);
  const float dmin = f16_to_f32(block.dmin);
  for (int s = 0; s < kSubBlocks; ++s) {
    const int scale = quant::nearest(fits[s].scale * quant::inverse(d), 0, 15);
    const int min = quant::nearest(-fits[s].offset * quant::inverse(dmin), 0, 15);
    block.scales[s] = static_cast<uint8_t>(scale | (min << 4));
    const float inverse = quant::inverse(d * static_cast<float>(scale));
    const float offset = dmin * static_cast<float>(min);
    uint8_t* qs = block.qs + 32 * (s / 8) + kSub * (s % 2);
    for (int j = 0; j < kSub; ++j) {
      const int q = quant::nearest((x[s * kSub + j] + offset) * inverse, 0, 3);
      qs[j] = static_cast<uint8_t>(qs[j] | q << (2 * (s % 8 / 2)));
    }
  }
}

void decode(const std::byte* src, float* dst, int64_t values) {
  const auto* blocks = reinterpret_cast<const BlockQ2_K*>(src);
  for (int64_t b = 0; b < values / kSuperBlock; ++b) decode_block(blocks[b], dst + b * kSuperBlock);
}

void encode(const float* src, std::byte* dst, int64_t values) {
  auto* blocks = reinterpret_cast<BlockQ2_K*>(dst);
  float x[kSuperBlock];
  for (int64_t b = 0; b < values / kSuperBlock; ++b) {
    quant::copy_finite(src + b * kSuperBlock, x, kSuperBlock);
    encode_block(x, blocks[b]);
  }
}

}  // namespace

extern const Format kQ2_KFormat;
const Format kQ2_KFormat{DType::kQ2_K, "Q2_K", kSuperBlock, sizeof(BlockQ2_K), decode, encode};

}  // namespace pingti
