// linear_f32 with AVX-512, two panels at a time.
#include "kernels/isa/avx512vnni_panel.h"
#include "kernels/isa/functions.h"

namespace pingti::avx512vnni {
namespace {

constexpr int kTileColumns = 8;
constexpr int kF32Panels = 2;
constexpr int kF32Rows = kF32Panels * kPanelRows;

struct SubBlock {
  __m512 scale, min;
};

// Scale and min of sub-block s of a unit in the roundings of Format::decode.
template <class T>
PT_INLINE SubBlock load_sub_block(const std::byte* unit, int s) {
  if constexpr (!T::kSuper) {
    return {load_halves(unit + T::kScalesOffset + s * 2 * kPanelRows),
            T::kMin ? load_halves(unit + T::kMinsOffset + s * 2 * kPanelRows) : _mm512_setzero_ps()};
  } else {
    const __m512 scale = _mm512_cvtepi32_ps(load_int8_scales(unit + T::kScalesOffset + s * kPanelRows));
    __m512 min = _mm512_setzero_ps();
    if constexpr (T::kMin) {
      const __m512i pairs = _mm512_cvtepu8_epi16(_mm256_load_si256(
          reinterpret_cast<const __m256i*>(unit + T::kMinsOffset + s / 2 * 2 * kPanelRows)));
      const __m512i integer =
          s % 2 == 0 ? _mm512_and_si512(pairs, _mm512_set1_epi32(0xffff)) : _mm512_srli_epi32(pairs, 16);
      min = _mm512_mul_ps(load_halves(unit + T::kDminOffset), _mm512_cvtepi32_ps(integer));
    }
    return {_mm512_mul_ps(load_halves(unit), scale), min};
  }
}

template <class T, int Group>
PT_INLINE void decode_group(const std::byte* block, const SubBlock& s, float* out) {
  const __m512i bytes = load_group<T::kBits, Group>(block);
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) {
    const __m512i q = _mm512_and_si512(_mm512_srli_epi32(bytes, 8 * k), _mm512_set1_epi32(255));
    const __m512 value = _mm512_cvtepi32_ps(_mm512_sub_epi32(q, _mm512_set1_epi32(T::kOffset)));
    __m512 w = _mm512_mul_ps(value, s.scale);
    if constexpr (T::kMin) w = T::kSuper ? _mm512_sub_ps(w, s.min) : _mm512_add_ps(w, s.min);
    _mm512_store_ps(out + k * kF32Rows, w);
  }
}

template <class T, int Group>
PT_INLINE void decode_groups(const std::byte* block, const SubBlock (&s)[2], float* out) {
  decode_group<T, Group>(block, s[T::kSubBlock == 16 ? Group / 4 : 0], out + 4 * Group * kF32Rows);
  if constexpr (Group < 7) decode_groups<T, Group + 1>(block, s, out);
}

template <class T>
void decode_quantized(const std::byte* panel, int64_t begin, int depth, float* out) {
  constexpr int kPerBlock = kActivationBlock / T::kSubBlock;
  for (int k = 0; k < depth; k += kActivationBlock) {
    const int64_t block = (begin + k) / kActivationBlock;
    const std::byte* unit = panel + block / T::kUnitBlocks * T::kUnitBytes;
    const int in_unit = static_cast<int>(block % T::kUnitBlocks);
    const SubBlock s[2] = {load_sub_block<T>(unit, in_unit * kPerBlock),
                           load_sub_block<T>(unit, in_unit * kPerBlock + kPerBlock - 1)};
    decode_groups<T, 0>(unit + T::kQuantsOffset + in_unit * T::kBlockBytes, s, out + k * kF32Rows);
  }
}

void decode_f32(const std::byte* panel, int64_t begin, int depth, float* out) {
  const auto* src = reinterpret_cast<const float*>(panel) + begin * kPanelRows;
  for (int k = 0; k < depth; ++k) {
    _mm512_store_ps(out + k * kF32Rows, _mm512_load_ps(src + k * kPanelRows));
  }
}

void decode_f16(const std::byte* panel, int64_t begin, int depth, float* out) {
  const std::byte* src = panel + begin * kPanelRows * 2;
  for (int k = 0; k < depth; ++k) {
    _mm512_store_ps(out + k * kF32Rows, load_halves(src + k * kPanelRows * 2));
  }
}

void decode_bf16(const std::byte* panel, int64_t begin, int depth, float* out) {
  const auto* src = reinterpret_cast<const __m256i*>(panel + begin * kPanelRows * 2);
  for (int k = 0; k < depth; ++k) {
    const __m512i wide = _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_load_si256(src + k)), 16);
    _mm512_store_ps(out + k * kF32Rows, _mm512_castsi512_ps(wide));
  }
}

// sums[column][32] += weights [depth][32] times `Columns` columns, each sum taken from zero.
template <int Columns>
void tile(const float* weights, int depth, const float* x, int64_t x_stride, float* sums) {
  __m512 acc[2][Columns];
#pragma GCC unroll 8
  for (int c = 0; c < Columns; ++c) acc[0][c] = acc[1][c] = _mm512_setzero_ps();
#pragma GCC unroll 2
  for (int k = 0; k < depth; ++k) {
    const __m512 w0 = _mm512_load_ps(weights + k * kF32Rows);
    const __m512 w1 = _mm512_load_ps(weights + k * kF32Rows + kPanelRows);
#pragma GCC unroll 8
    for (int c = 0; c < Columns; ++c) {
      const __m512 a = _mm512_set1_ps(x[c * x_stride + k]);
      acc[0][c] = _mm512_fmadd_ps(w0, a, acc[0][c]);
      acc[1][c] = _mm512_fmadd_ps(w1, a, acc[1][c]);
    }
  }
#pragma GCC unroll 8
  for (int c = 0; c < Columns; ++c) {
    float* out = sums + c * kF32Rows;
    _mm512_store_ps(out, _mm512_add_ps(_mm512_load_ps(out), acc[0][c]));
    _mm512_store_ps(out + kPanelRows, _mm512_add_ps(_mm512_load_ps(out + kPanelRows), acc[1][c]));
  }
}

using Tile = void (*)(const float* weights, int depth, const float* x, int64_t x_stride, float* sums);
constexpr Tile kTiles[kTileColumns] = {tile<1>, tile<2>, tile<3>, tile<4>,
                                       tile<5>, tile<6>, tile<7>, tile<8>};

constexpr auto store_sums = store_tile;

}  // namespace

#include "kernels/isa/linear_f32.inc"

}  // namespace pingti::avx512vnni
