// Reading packed panels with AVX-512: bit planes to bytes, scales to floats. Included by avx512vnni*.cc only.
#pragma once

#include <immintrin.h>

#include "kernels/isa/panel_traits.h"

namespace pingti::avx512vnni {
namespace {

#define PT_INLINE [[gnu::always_inline]] inline

// Group `Group` of a block (linear.h, "Bit planes"): 16 rows x 4 values, an unsigned byte each.
template <int Bits, int Group>
PT_INLINE __m512i load_group(const std::byte* block) {
  if constexpr (Bits == 8) {
    return _mm512_load_si512(block + 64 * Group);
  } else if constexpr (Bits >= 4) {
    const __m512i nibbles = _mm512_load_si512(block + 64 * (Group % 4));
    const __m512i low =
        _mm512_and_si512(Group < 4 ? nibbles : _mm512_srli_epi16(nibbles, 4), _mm512_set1_epi8(0x0f));
    if constexpr (Bits == 4) return low;
    constexpr int kHighBits = Bits - 4;
    const __m512i plane = _mm512_load_si512(block + 64 * (kHighBits == 1 ? 4 : 4 + Group / 4));
    constexpr int kFrom = kHighBits == 1 ? Group : 2 * (Group % 4);
    const __m512i high =
        kFrom > 4 ? _mm512_srli_epi16(plane, kFrom - 4) : _mm512_slli_epi16(plane, kFrom > 4 ? 0 : 4 - kFrom);
    const __m512i mask = _mm512_set1_epi8(kHighBits == 1 ? 0x10 : 0x30);
    return _mm512_ternarylogic_epi32(low, high, mask, 0xf8);  // low | (high & mask)
  } else {
    const __m512i pairs = _mm512_load_si512(block + 64 * (Group / 4));
    const __m512i low = _mm512_and_si512(_mm512_srli_epi16(pairs, 2 * (Group % 4)), _mm512_set1_epi8(3));
    if constexpr (Bits == 2) return low;
    const __m512i plane = _mm512_load_si512(block + 128);
    const __m512i high =
        Group > 2 ? _mm512_srli_epi16(plane, Group > 2 ? Group - 2 : 0) : _mm512_slli_epi16(plane, 2 - Group);
    return _mm512_ternarylogic_epi32(low, high, _mm512_set1_epi8(4), 0xf8);
  }
}

PT_INLINE __m512 load_halves(const std::byte* src) {
  return _mm512_cvtph_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(src)));
}

PT_INLINE __m512i load_int8_scales(const std::byte* src) {
  return _mm512_cvtepi8_epi32(_mm_load_si128(reinterpret_cast<const __m128i*>(src)));
}

// Adds bias and residual and writes `columns` columns of the rows of two panels; sums: [columns][32].
inline void store_tile(const LinearArgs& args, int64_t panel, int column, int columns, const float* sums) {
  const int64_t first_row = panel * kPanelRows;
  const int64_t last_row =
      args.panel_end * kPanelRows < args.weight->rows ? args.panel_end * kPanelRows : args.weight->rows;
  for (int p = 0; p < 2; ++p) {
    const int64_t row = first_row + p * kPanelRows;
    const int64_t left = last_row - row;
    if (left <= 0) return;
    const auto mask = static_cast<__mmask16>(left >= 16 ? 0xffff : (1 << left) - 1);
    for (int c = 0; c < columns; ++c) {
      __m512 value = _mm512_load_ps(sums + c * 2 * kPanelRows + p * kPanelRows);
      if (args.bias != nullptr) value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(mask, args.bias + row));
      float* y = args.y + (column + c) * args.y_stride + row;
      if (args.accumulate) value = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, y), value);
      _mm512_mask_storeu_ps(y, mask, value);
    }
  }
}

}  // namespace
}  // namespace pingti::avx512vnni
