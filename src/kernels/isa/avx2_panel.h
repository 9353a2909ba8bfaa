// Reading packed panels with AVX2: a panel's 16 rows are two halves of 8. Included by avx2*.cc only.
#pragma once

#include <immintrin.h>

#include "kernels/isa/one_panel.h"

namespace pingti::avx2 {
namespace {

#define PT_INLINE [[gnu::always_inline]] inline

constexpr int kHalfRows = 8;

PT_INLINE __m256i load256(const std::byte* src) {
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(src));
}

PT_INLINE __m128i load128(const std::byte* src) {
  return _mm_load_si128(reinterpret_cast<const __m128i*>(src));
}

PT_INLINE __m128i load64(const std::byte* src) {
  return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(src));
}

// Group `Group` of 8 rows: an unsigned byte for each of 4 values. `block` points at the half: 32 bytes into
// each vector of 64 for the second.
template <int Bits, int Group>
PT_INLINE __m256i load_group(const std::byte* block) {
  if constexpr (Bits == 8) {
    return load256(block + 64 * Group);
  } else if constexpr (Bits >= 4) {
    const __m256i nibbles = load256(block + 64 * (Group % 4));
    const __m256i low =
        _mm256_and_si256(Group < 4 ? nibbles : _mm256_srli_epi16(nibbles, 4), _mm256_set1_epi8(0x0f));
    if constexpr (Bits == 4) return low;
    constexpr int kHighBits = Bits - 4;
    const __m256i plane = load256(block + 64 * (kHighBits == 1 ? 4 : 4 + Group / 4));
    constexpr int kFrom = kHighBits == 1 ? Group : 2 * (Group % 4);
    const __m256i high =
        kFrom > 4 ? _mm256_srli_epi16(plane, kFrom - 4) : _mm256_slli_epi16(plane, kFrom > 4 ? 0 : 4 - kFrom);
    return _mm256_or_si256(low, _mm256_and_si256(high, _mm256_set1_epi8(kHighBits == 1 ? 0x10 : 0x30)));
  } else {
    const __m256i pairs = load256(block + 64 * (Group / 4));
    const __m256i low = _mm256_and_si256(_mm256_srli_epi16(pairs, 2 * (Group % 4)), _mm256_set1_epi8(3));
    if constexpr (Bits == 2) return low;
    const __m256i plane = load256(block + 128);
    const __m256i high =
        Group > 2 ? _mm256_srli_epi16(plane, Group > 2 ? Group - 2 : 0) : _mm256_slli_epi16(plane, 2 - Group);
    return _mm256_or_si256(low, _mm256_and_si256(high, _mm256_set1_epi8(4)));
  }
}

PT_INLINE __m256 load_halves(const std::byte* src) { return _mm256_cvtph_ps(load128(src)); }

}  // namespace
}  // namespace pingti::avx2
