#include <algorithm>

#include "quant/blocks.h"
#include "quant/fit.h"
#include "quant/format.h"

namespace pingti {
namespace {

void decode(const std::byte* src, float* dst, int64_t values) {
  const auto* blocks = reinterpret_cast<const BlockQ4_1*>(src);
  for (int64_t b = 0; b < values / kBlock; ++b, dst += kBlock) {
    const float d = f16_to_f32(blocks[b].d);
    const float m = f16_to_f32(blocks[b].m);
    for (int j = 0; j < 16; ++j) {
      dst[j] = static_cast<float>(blocks[b].qs[j] & 15) * d + m;
      dst[j + 16] = static_cast<float>(blocks[b].qs[j] >> 4) * d + m;
    }
  }
}

void encode(const float* src, std::byte* dst, int64_t values) {
  auto* blocks = reinterpret_cast<BlockQ4_1*>(dst);
  float x[kBlock];
  for (int64_t b = 0; b < values / kBlock; ++b, src += kBlock) {
    quant::copy_finite(src, x, kBlock);
    const auto [low, high] = std::minmax_element(x, x + kBlock);
    blocks[b].m = quant::scale_bits(*low);
    const float m = f16_to_f32(blocks[b].m);
    blocks[b].d = quant::scale_bits((*high - m) / 15.0f);
    const float inverse = quant::inverse(f16_to_f32(blocks[b].d));
    for (int j = 0; j < 16; ++j) {
      const int first = quant::nearest((x[j] - m) * inverse, 0, 15);
      const int second = quant::nearest((x[j + 16] - m) * inverse, 0, 15);
      blocks[b].qs[j] = static_cast<uint8_t>(first | (second << 4));
    }
  }
}

}  // namespace

extern const Format kQ4_1Format;
const Format kQ4_1Format{DType::kQ4_1, "Q4_1", kBlock, sizeof(BlockQ4_1), decode, encode};

}  // namespace pingti
