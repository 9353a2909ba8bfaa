#include <cstring>

#include "quant/blocks.h"
#include "quant/fit.h"
#include "quant/format.h"

namespace pingti {
namespace {

void decode(const std::byte* src, float* dst, int64_t values) {
  const auto* blocks = reinterpret_cast<const BlockQ5_0*>(src);
  for (int64_t b = 0; b < values / kBlock; ++b, dst += kBlock) {
    const float d = f16_to_f32(blocks[b].d);
    uint32_t qh;
    std::memcpy(&qh, blocks[b].qh, 4);
    for (int j = 0; j < 16; ++j) {
      const int low = (blocks[b].qs[j] & 15) | static_cast<int>((qh >> j) & 1) << 4;
      const int high = (blocks[b].qs[j] >> 4) | static_cast<int>((qh >> (j + 16)) & 1) << 4;
      dst[j] = static_cast<float>(low - 16) * d;
      dst[j + 16] = static_cast<float>(high - 16) * d;
    }
  }
}

void encode(const float* src, std::byte* dst, int64_t values) {
  auto* blocks = reinterpret_cast<BlockQ5_0*>(dst);
  float x[kBlock];
  for (int64_t b = 0; b < values / kBlock; ++b, src += kBlock) {
    quant::copy_finite(src, x, kBlock);
    blocks[b].d = quant::scale_bits(quant::fit_symmetric(x, kBlock, 16));
    const float inverse = quant::inverse(f16_to_f32(blocks[b].d));
    uint32_t qh = 0;
    for (int j = 0; j < 16; ++j) {
      const auto low = static_cast<uint32_t>(quant::nearest(x[j] * inverse, -16, 15) + 16);
      const auto high = static_cast<uint32_t>(quant::nearest(x[j + 16] * inverse, -16, 15) + 16);
      blocks[b].qs[j] = static_cast<uint8_t>((low & 15) | ((high & 15) << 4));
      qh |= (low >> 4) << j | (high >> 4) << (j + 16);
    }
    std::memcpy(blocks[b].qh, &qh, 4);
  }
}

}  // namespace

extern const Format kQ5_0Format;
const Format kQ5_0Format{DType::kQ5_0, "Q5_0", kBlock, sizeof(BlockQ5_0), decode, encode};

}  // namespace pingti
