#include <cstring>

#include "quant/blocks.h"
#include "quant/fit.h"
#include "quant/format.h"
#include "quant/k_affine.h"

namespace pingti {
namespace {

void decode_block(const BlockQ4_K& block, float* dst) {
  const float d = f16_to_f32(block.d);
  const float dmin = f16_to_f32(block.dmin);
  for (int s = 0; s < 8; ++s) {
    const ScaleMin packed = k_scale_min(block.scales, s);
    const float scale = d * static_cast<float>(packed.scale);
    const float min = dmin * static_cast<float>(packed.min);
    const uint8_t* qs = block.qs + 32 * (s / 2);
    const int shift = 4 * (s % 2);
    for (int j = 0; j < 32; ++j) *dst++ = scale * static_cast<float>((qs[j] >> shift) & 15) - min;
  }
}

void decode(const std::byte* src, float* dst, int64_t values) {
  const auto* blocks = reinterpret_cast<const BlockQ4_K*>(src);
  for (int64_t b = 0; b < values / kSuperBlock; ++b) decode_block(blocks[b], dst + b * kSuperBlock);
}

void encode(const float* src, std::byte* dst, int64_t values) {
  auto* blocks = reinterpret_cast<BlockQ4_K*>(dst);
  float x[kSuperBlock];
  for (int64_t b = 0; b < values / kSuperBlock; ++b) {
    quant::copy_finite(src + b * kSuperBlock, x, kSuperBlock);
    const quant::KAffine fit = quant::encode_k_affine(x, 15);
    blocks[b].d = fit.d;
    blocks[b].dmin = fit.dmin;
    std::memcpy(blocks[b].scales, fit.scales, sizeof fit.scales);
    for (int i = 0; i < 128; ++i) {
      const uint8_t* q = fit.q + 64 * (i / 32) + i % 32;
      blocks[b].qs[i] = static_cast<uint8_t>(q[0] | q[32] << 4);
    }
  }
}

}  // namespace

extern const Format kQ4_KFormat;
const Format kQ4_KFormat{DType::kQ4_K, "Q4_K", kSuperBlock, sizeof(BlockQ4_K), decode, encode};

}  // namespace pingti
