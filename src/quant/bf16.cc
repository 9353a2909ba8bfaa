#include <cstring>

#include "quant/format.h"
#include "quant/half.h"

namespace pingti {
namespace {

void decode(const std::byte* src, float* dst, int64_t values) {
  for (int64_t i = 0; i < values; ++i) {
    uint16_t half;
    std::memcpy(&half, src + i * 2, 2);
    dst[i] = bf16_to_f32(half);
  }
}

void encode(const float* src, std::byte* dst, int64_t values) {
  for (int64_t i = 0; i < values; ++i) {
    const uint16_t half = f32_to_bf16(src[i]);
    std::memcpy(dst + i * 2, &half, 2);
  }
}

}  // namespace

extern const Format kBF16Format;
const Format kBF16Format{DType::kBF16, "BF16", 1, 2, decode, encode};

}  // namespace pingti
