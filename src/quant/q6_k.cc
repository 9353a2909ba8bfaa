#include "quant/blocks.h"
#include "quant/fit.h"
#include "quant/format.h"

namespace pingti {
namespace {

constexpr int kSubBlocks = 16;
constexpr int kSub = kSuperBlock / kSubBlocks;

void decode_block(const BlockQ6_K& block, float* dst) {
  const float d = f16_to_f32(block.d);
  for (int s = 0; s < kSubBlocks; ++s) {
    const float scale = d * static_cast<float>(block.scales[s]);
    const int half = s / 8, r = s % 8 * kSub;  // r: place of the sub-block in its half
    const uint8_t* ql = block.ql + 64 * half + r % 64;
    const uint8_t* qh = block.qh + 32 * half + r % 32;
    for (int j = 0; j < kSub; ++j) {
      const int q = ((ql[j] >> (4 * (r / 64))) & 15) | ((qh[j] >> (2 * (r / 32))) & 3) << 4;
      *dst++ = scale * static_cast<float>(q - 32);
    }
  }
}

void encode_block(const float* x, BlockQ6_K& block) {
  float fits[kSubBlocks];
  for (int s = 0; s < kSubBlocks; ++s) fits[s] = quant::fit_symmetric(x + s * kSub, kSub, 32);
  block = {};
  block.d = quant::scale_bits(quant::signed_peak(fits, kSubBlocks) / -128.0f);
  const float d = f16_to_f32(block.d);
  for (int s = 0; s < kSubBlocks; ++s) {
    const int scale = quant::nearest(fits[s] * quant::inverse(d), -128, 127);
    block.scales[s] = static_cast<int8_t>(scale);
    const float inverse = quant::inverse(d * static_cast<float>(scale));
    const int half = s / 8, r = s % 8 * kSub;
    uint8_t* ql = block.ql + 64 * half + r % 64;
    uint8_t* qh = block.qh + 32 * half + r % 32;
    for (int j = 0; j < kSub; ++j) {
      const int q = quant::nearest(x[s * kSub + j] * inverse, -32, 31) + 32;
      ql[j] = static_cast<uint8_t>(ql[j] | (q & 15) << (4 * (r / 64)));
      qh[j] = static_cast<uint8_t>(qh[j] | (q >> 4) << (2 * (r / 32)));
    }
  }
}

void decode(const std::byte* src, float* dst, int64_t values) {
  const auto* blocks = reinterpret_cast<const BlockQ6_K*>(src);
  for (int64_t b = 0; b < values / kSuperBlock; ++b) decode_block(blocks[b], dst + b * kSuperBlock);
}

void encode(const float* src, std::byte* dst, int64_t values) {
  auto* blocks = reinterpret_cast<BlockQ6_K*>(dst);
  float x[kSuperBlock];
  for (int64_t b = 0; b < values / kSuperBlock; ++b) {
    quant::copy_finite(src + b * kSuperBlock, x, kSuperBlock);
    encode_block(x, blocks[b]);
  }
}

}  // namespace

extern const Format kQ6_KFormat;
const Format kQ6_KFormat{DType::kQ6_K, "Q6_K", kSuperBlock, sizeof(BlockQ6_K), decode, encode};

}  // namespace pingti
