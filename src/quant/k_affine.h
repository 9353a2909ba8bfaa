// What the encoders of Q4_K and Q5_K share: 8 sub-blocks of 32 with packed 6-bit scales and mins.
#pragma once

#include <cstdint>

namespace pingti::quant {

struct KAffine {
  uint16_t d;     // f16 bits
  uint16_t dmin;  // f16 bits
  uint8_t scales[12];
  uint8_t q[256];  // 0..top
};

// Encodes one super-block of 256 finite values.
KAffine encode_k_affine(const float* x, int top);

}  // namespace pingti::quant
