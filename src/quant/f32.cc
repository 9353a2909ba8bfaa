#include <cstring>

#include "quant/format.h"

namespace pingti {
namespace {

void decode(const std::byte* src, float* dst, int64_t values) {
  if (values > 0) std::memcpy(dst, src, static_cast<size_t>(values) * sizeof(float));
}

void encode(const float* src, std::byte* dst, int64_t values) {
  if (values > 0) std::memcpy(dst, src, static_cast<size_t>(values) * sizeof(float));
}

}  // namespace

extern const Format kF32Format;
const Format kF32Format{DType::kF32, "F32", 1, 4, decode, encode};

}  // namespace pingti
