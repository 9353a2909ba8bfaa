#include <algorithm>
#include <cstring>

#include "quant/blocks.h"
#include "quant/fit.h"
#include "quant/format.h"

namespace pingti {
namespace {

void decode(const std::byte* src, float* dst, int64_t values) {
  const auto* blocks = reinterpret_cast<const BlockQ5_1*>(src);
  for (int64_t b = 0; b < values / kBlock; ++b, dst += kBlock) {
    const float d = f16_to_f32(blocks[b].d);
    const float m = f16_to_f32(blocks[b].m);
    uint32_t qh;
    std::memcpy(&qh, blocks[b].qh, 4);
    for (int j = 0; j < 16; ++j) {
      const int first = (blocks[b].qs[j] & 15) | static_cast<int>((qh >> j) & 1) << 4;
      const int second = (blocks[b].qs[j] >> 4) | static_cast<int>((qh >> (j + 16)) & 1) << 4;
      dst[j] = static_cast<float>(first) * d + m;
      dst[j + 16] = static_cast<float>(second) * d + m;
    }
  }
}

void encode(const float* src, std::byte* dst, int64_t values) {
  auto* blocks = reinterpret_cast<BlockQ5_1*>(dst);
  float x[kBlock];
  for (int64_t b = 0; b < values / kBlock; ++b, src += kBlock) {
    quant::copy_finite(src, x, kBlock);
    const auto [lowest, highest] = std::minmax_element(x, x + kBlock);
    blocks[b].m = quant::scale_bits(*lowest);
    const float m = f16_to_f32(blocks[b].m);
    blocks[b].d = quant::scale_bits((*highest - m) / 31.0f);
    const float inverse = quant::inverse(f16_to_f32(blocks[b].d));
    uint32_t qh = 0;
    for (int j = 0; j < 16; ++j) {
      const auto first = static_cast<uint32_t>(quant::nearest((x[j] - m) * inverse, 0, 31));
      const auto second = static_cast<uint32_t>(quant::nearest((x[j + 16] - m) * inverse, 0, 31));
      blocks[b].qs[j] = static_cast<uint8_t>((first & 15) | ((second & 15) << 4));
      qh |= (first >> 4) << j | (second >> 4) << (j + 16);
    }
    std::memcpy(blocks[b].qh, &qh, 4);
  }
}

}  // namespace

extern const Format kQ5_1Format;
const Format kQ5_1Format{DType::kQ5_1, "Q5_1", kBlock, sizeof(BlockQ5_1), decode, encode};

}  // namespace pingti
