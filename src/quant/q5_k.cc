#include <cstring>

#include "quant/blocks.h"
#include "quant/fit.h"
#include "quant/format.h"
#include "quant/k_affine.h"

namespace pingti {
namespace {

void decode_block(const BlockQ5_K& block, float* dst) {
  const float d = f16_to_f32(block.d);
  const float dmin = f16_to_f32(block.dmin);
  for (int s = 0; s < 8; ++s) {
    const ScaleMin packed = k_scale_min(block.scales, s);
    const float scale = d * static_cast<float>(packed.scale);
    const float min = dmin * static_cast<float>(packed.min);
    const uint8_t* qs = block.qs + 32 * (s / 2);
    const int shift = 4 * (s % 2);
    for (int j = 0; j < 32; ++j) {
      const int q = ((qs[j] >> shift) & 15) | ((block.qh[j] >> s) & 1) << 4;
      *dst++ = scale * static_cast<float>(q) - min;
    }
  }
}

void decode(const std::byte* src, float* dst, int64_t values) {
  const auto* blocks = reinterpret_cast<const BlockQ5_K*>(src);
  for (int64_t b = 0; b < values / kSuperBlock; ++b) decode_block(blocks[b], dst + b * kSuperBlock);
}

void encode(const float* src, std::byte* dst, int64_t values) {
  auto* blocks = reinterpret_cast<BlockQ5_K*>(dst);
  float x[kSuperBlock];
  for (int64_t b = 0; b < values / kSuperBlock; ++b) {
    quant::copy_finite(src + b * kSuperBlock, x, kSuperBlock);
    const quant::KAffine fit = quant::encode_k_affine(x, 31);
    blocks[b] = {};
    blocks[b].d = fit.d;
    blocks[b].dmin = fit.dmin;
    std::memcpy(blocks[b].scales, fit.scales, sizeof fit.scales);
    for (int i = 0; i < kSuperBlock; ++i) {
      uint8_t& low = blocks[b].qs[32 * (i / 64) + i % 32];
      uint8_t& high = blocks[b].qh[i % 32];
      low = static_cast<uint8_t>(low | (fit.q[i] & 15) << (4 * (i / 32 % 2)));
      high = static_cast<uint8_t>(high | (fit.q[i] >> 4) << (i / 32));
    }
  }
}

}  // namespace

extern const Format kQ5_KFormat;
const Format kQ5_KFormat{DType::kQ5_K, "Q5_K", kSuperBlock, sizeof(BlockQ5_K), decode, encode};

}  // namespace pingti
