// linear_f32 with AVX2, a panel at a time.
#include "kernels/isa/avx2_panel.h"
#include "kernels/isa/functions.h"

namespace pingti::avx2 {
namespace {

constexpr int kTileColumns = 6;
constexpr int kF32Panels = 1;
constexpr int kF32Rows = kF32Panels * kPanelRows;

struct SubBlock {
  __m256 scale, min;
};

// Scale and min of 8 rows (half h) of sub-block s of a unit in the roundings of Format::decode.
template <class T>
PT_INLINE SubBlock load_sub_block(const std::byte* unit, int s, int h) {
  if constexpr (!T::kSuper) {
    const int at = (s * kPanelRows + h * kHalfRows) * 2;
    return {load_halves(unit + T::kScalesOffset + at),
            T::kMin ? load_halves(unit + T::kMinsOffset + at) : _mm256_setzero_ps()};
  } else {
    const std::byte* scales = unit + T::kScalesOffset + s * kPanelRows + h * kHalfRows;
    const __m256 scale = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(load64(scales)));
    __m256 min = _mm256_setzero_ps();
    if constexpr (T::kMin) {
      const std::byte* mins = unit + T::kMinsOffset + (s / 2 * kPanelRows + h * kHalfRows) * 2;
      const __m256i pairs = _mm256_cvtepu8_epi16(load128(mins));
      const __m256i integer =
          s % 2 == 0 ? _mm256_and_si256(pairs, _mm256_set1_epi32(0xffff)) : _mm256_srli_epi32(pairs, 16);
      min =
          _mm256_mul_ps(load_halves(unit + T::kDminOffset + h * 2 * kHalfRows), _mm256_cvtepi32_ps(integer));
    }
    return {_mm256_mul_ps(load_halves(unit + h * 2 * kHalfRows), scale), min};
  }
}

template <class T, int Group>
PT_INLINE void decode_groups(const std::byte* block, const SubBlock (&subs)[2], float* out) {
  const SubBlock& s = subs[T::kSubBlock == 16 ? Group / 4 : 0];
  const __m256i bytes = load_group<T::kBits, Group>(block);
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) {
    const __m256i q = _mm256_and_si256(_mm256_srli_epi32(bytes, 8 * k), _mm256_set1_epi32(255));
    const __m256 value = _mm256_cvtepi32_ps(_mm256_sub_epi32(q, _mm256_set1_epi32(T::kOffset)));
    __m256 w = _mm256_mul_ps(value, s.scale);
    if constexpr (T::kMin) w = T::kSuper ? _mm256_sub_ps(w, s.min) : _mm256_add_ps(w, s.min);
    _mm256_store_ps(out + (4 * Group + k) * kPanelRows, w);
  }
  if constexpr (Group < 7) decode_groups<T, Group + 1>(block, subs, out);
}

template <class T>
void decode_quantized(const std::byte* panel, int64_t begin, int depth, float* out) {
  constexpr int kPerBlock = kActivationBlock / T::kSubBlock;
  for (int k = 0; k < depth; k += kActivationBlock) {
    const int64_t block = (begin + k) / kActivationBlock;
    const std::byte* unit = panel + block / T::kUnitBlocks * T::kUnitBytes;
    const int i = static_cast<int>(block % T::kUnitBlocks);
    for (int h = 0; h < 2; ++h) {
      const SubBlock subs[2] = {load_sub_block<T>(unit, i * kPerBlock, h),
                                load_sub_block<T>(unit, i * kPerBlock + kPerBlock - 1, h)};
      decode_groups<T, 0>(unit + T::kQuantsOffset + i * T::kBlockBytes + 32 * h, subs,
                          out + k * kPanelRows + h * kHalfRows);
    }
  }
}

void decode_f32(const std::byte* panel, int64_t begin, int depth, float* out) {
  const auto* src = reinterpret_cast<const float*>(panel) + begin * kPanelRows;
  for (int i = 0; i < depth * kPanelRows; i += 8) _mm256_store_ps(out + i, _mm256_load_ps(src + i));
}

void decode_f16(const std::byte* panel, int64_t begin, int depth, float* out) {
  const std::byte* src = panel + begin * kPanelRows * 2;
  for (int i = 0; i < depth * kPanelRows; i += 8) _mm256_store_ps(out + i, load_halves(src + 2 * i));
}

void decode_bf16(const std::byte* panel, int64_t begin, int depth, float* out) {
  const std::byte* src = panel + begin * kPanelRows * 2;
  for (int i = 0; i < depth * kPanelRows; i += 8) {
    const __m256i wide = _mm256_slli_epi32(_mm256_cvtepu16_epi32(load128(src + 2 * i)), 16);
    _mm256_store_ps(out + i, _mm256_castsi256_ps(wide));
  }
}

// sums[column][16] += weights [depth][16] times `Columns` columns, each sum taken from zero.
template <int Columns>
void tile(const float* weights, int depth, const float* x, int64_t x_stride, float* sums) {
  __m256 acc[2][Columns];
#pragma GCC unroll 6
  for (int c = 0; c < Columns; ++c) acc[0][c] = acc[1][c] = _mm256_setzero_ps();
  for (int k = 0; k < depth; ++k) {
    const __m256 w0 = _mm256_load_ps(weights + k * kPanelRows);
    const __m256 w1 = _mm256_load_ps(weights + k * kPanelRows + kHalfRows);
#pragma GCC unroll 6
    for (int c = 0; c < Columns; ++c) {
      const __m256 a = _mm256_set1_ps(x[c * x_stride + k]);
      acc[0][c] = _mm256_fmadd_ps(w0, a, acc[0][c]);
      acc[1][c] = _mm256_fmadd_ps(w1, a, acc[1][c]);
    }
  }
#pragma GCC unroll 6
  for (int c = 0; c < Columns; ++c) {
    float* out = sums + c * kPanelRows;
    _mm256_store_ps(out, _mm256_add_ps(_mm256_load_ps(out), acc[0][c]));
    _mm256_store_ps(out + kHalfRows, _mm256_add_ps(_mm256_load_ps(out + kHalfRows), acc[1][c]));
  }
}

using Tile = void (*)(const float* weights, int depth, const float* x, int64_t x_stride, float* sums);
constexpr Tile kTiles[kTileColumns] = {tile<1>, tile<2>, tile<3>, tile<4>, tile<5>, tile<6>};

constexpr auto store_sums = store_panel;

}  // namespace

#include "kernels/isa/linear_f32.inc"

}  // namespace pingti::avx2
