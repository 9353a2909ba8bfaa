#include <cmath>

#include "quant/blocks.h"
#include "quant/fit.h"
#include "quant/format.h"

namespace pingti {
namespace {

void decode(const std::byte* src, float* dst, int64_t values) {
  const auto* blocks = reinterpret_cast<const BlockQ8_0*>(src);
  for (int64_t b = 0; b < values / kBlock; ++b, dst += kBlock) {
    const float d = f16_to_f32(blocks[b].d);
    for (int j = 0; j < kBlock; ++j) dst[j] = static_cast<float>(blocks[b].qs[j]) * d;
  }
}

void encode(const float* src, std::byte* dst, int64_t values) {
  auto* blocks = reinterpret_cast<BlockQ8_0*>(dst);
  float x[kBlock];
  for (int64_t b = 0; b < values / kBlock; ++b, src += kBlock) {
    quant::copy_finite(src, x, kBlock);
    blocks[b].d = quant::scale_bits(std::fabs(quant::signed_peak(x, kBlock)) / 127.0f);
    const float inverse = quant::inverse(f16_to_f32(blocks[b].d));
    for (int j = 0; j < kBlock; ++j) {
      blocks[b].qs[j] = static_cast<int8_t>(quant::nearest(x[j] * inverse, -127, 127));
    }
  }
}

}  // namespace

extern const Format kQ8_0Format;
const Format kQ8_0Format{DType::kQ8_0, "Q8_0", kBlock, sizeof(BlockQ8_0), decode, encode};

}  // namespace pingti
