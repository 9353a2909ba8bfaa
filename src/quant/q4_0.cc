#include "quant/blocks.h"
#include "quant/fit.h"
#include "quant/format.h"

namespace pingti {
namespace {

void decode(const std::byte* src, float* dst, int64_t values) {
  const auto* blocks = reinterpret_cast<const BlockQ4_0*>(src);
  for (int64_t b = 0; b < values / kBlock; ++b, dst += kBlock) {
    const float d = f16_to_f32(blocks[b].d);
    for (int j = 0; j < 16; ++j) {
      dst[j] = static_cast<float>((blocks[b].qs[j] & 15) - 8) * d;
      dst[j + 16] = static_cast<float>((blocks[b].qs[j] >> 4) - 8) * d;
    }
  }
}

void encode(const float* src, std::byte* dst, int64_t values) {
  auto* blocks = reinterpret_cast<BlockQ4_0*>(dst);
  float x[kBlock];
  for (int64_t b = 0; b < values / kBlock; ++b, src += kBlock) {
    quant::copy_finite(src, x, kBlock);
    blocks[b].d = quant::scale_bits(quant::fit_symmetric(x, kBlock, 8));
    const float inverse = quant::inverse(f16_to_f32(blocks[b].d));
    for (int j = 0; j < 16; ++j) {
      const int low = quant::nearest(x[j] * inverse, -8, 7) + 8;
      const int high = quant::nearest(x[j + 16] * inverse, -8, 7) + 8;
      blocks[b].qs[j] = static_cast<uint8_t>(low | (high << 4));
    }
  }
}

}  // namespace

extern const Format kQ4_0Format;
const Format kQ4_0Format{DType::kQ4_0, "Q4_0", kBlock, sizeof(BlockQ4_0), decode, encode};

}  // namespace pingti
