// Random packed matrices for the tests of linear products.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "support/runnable_kernels.h"
#include "quant/half.h"

namespace pingti {

inline const std::vector<DType>& quantized_types() {
  static const std::vector<DType> kTypes = {DType::kQ4_0, DType::kQ4_1, DType::kQ5_0, DType::kQ5_1,
                                           DType::kQ8_0, DType::kQ2_K, DType::kQ3_K, DType::kQ4_K,
                                           DType::kQ5_K, DType::kQ6_K};
  return kTypes;
}

inline std::vector<DType> all_types() {
  std::vector<DType> types = quantized_types();
  for (DType type : {DType::kF32, DType::kF16, DType::kBF16}) types.push_back(type);
  return types;
}

// Where the f16 scales of a block are, as byte offsets; -1: none.
struct ScalePlaces {
  int first, second;
};
inline ScalePlaces scale_places(DType type) {
  switch (type) {
    case DType::kQ4_1:
    case DType::kQ5_1:
    case DType::kQ4_K:
    case DType::kQ5_K:
      return {0, 2};
    case DType::kQ2_K:
      return {80, 82};
    case DType::kQ3_K:
      return {108, -1};
    case DType::kQ6_K:
      return {208, -1};
    default:
      return {0, -1};
  }
}

// Memory on cache lines, in units of T.
template <class T>
class AlignedVector {
 public:
  explicit AlignedVector(size_t count) : bytes_(count * sizeof(T) + 64), count_(count) {
    std::fill(bytes_.begin(), bytes_.end(), std::byte{0});
  }
  T* data() {
    const auto address = reinterpret_cast<uintptr_t>(bytes_.data());
    return reinterpret_cast<T*>((address + 63) / 64 * 64);
  }
  T& operator[](size_t i) { return data()[i]; }
  size_t size() const { return count_; }

 private:
  std::vector<std::byte> bytes_;
  size_t count_;
};

// How the bytes of the file's blocks are chosen.
enum class Fill { kRandom, kZeroBits, kOneBits, kZeroScales, kHugeScales };

// A matrix as a file holds it and packed.
class TestMatrix {
 public:
  TestMatrix(DType type, int64_t rows, int64_t cols, Fill fill = Fill::kRandom, uint32_t seed = 1)
      : format_(*find_format(type)),
        file_(static_cast<size_t>(rows * format_.bytes_for(cols))),
        packed_(plan_packed(type, rows, cols).value()),
        memory_(static_cast<size_t>(packed_.bytes())) {
    fill_blocks(fill, seed + static_cast<uint32_t>(rows * 31 + cols));
    packed_.data = memory_.data();
    std::memset(packed_.data, 0xa5, static_cast<size_t>(packed_.bytes()));  // nothing may rely on zeros
    const int64_t middle = packed_.panels() / 2;
    pack_panels(packed_, file_.data(), middle, packed_.panels());
    pack_panels(packed_, file_.data(), 0, middle);
  }

  const PackedMatrix& packed() const { return packed_; }
  std::vector<float> decoded_row(int64_t row) const {
    std::vector<float> values(static_cast<size_t>(packed_.cols));
    format_.decode(file_.data() + row * format_.bytes_for(packed_.cols), values.data(), packed_.cols);
    return values;
  }

 private:
  void fill_blocks(Fill fill, uint32_t seed) {
    std::mt19937 random(seed);
    if (format_.block_values == 1) return fill_floats(random);
    for (std::byte& b : file_) {
      b = fill == Fill::kZeroBits  ? std::byte{0}
          : fill == Fill::kOneBits ? std::byte{0xff}
                                   : static_cast<std::byte>(random() & 255);
    }
    const ScalePlaces places = scale_places(format_.type);
    std::uniform_real_distribution<float> scale(-0.02f, 0.02f);
    for (size_t at = 0; at < file_.size(); at += static_cast<size_t>(format_.block_bytes)) {
      for (int place : {places.first, places.second}) {
        if (place < 0) continue;
        float value = scale(random);
        if (fill == Fill::kZeroScales) value = 0.0f;
        if (fill == Fill::kHugeScales) value = value < 0 ? -65504.0f : 65504.0f;
        const uint16_t bits = f32_to_f16(value);
        std::memcpy(file_.data() + at + place, &bits, 2);
      }
    }
  }

  void fill_floats(std::mt19937& random) {
    std::normal_distribution<float> normal(0.0f, 0.05f);
    const auto bytes = static_cast<size_t>(format_.block_bytes);
    for (size_t at = 0; at < file_.size(); at += bytes) {
      const float value = normal(random);
      format_.encode(&value, file_.data() + at, 1);
    }
  }

  const Format& format_;
  std::vector<std::byte> file_;
  PackedMatrix packed_;
  AlignedVector<std::byte> memory_;
};

// Columns of activations, as floats and quantized by the reference.
class TestColumns {
 public:
  TestColumns(int64_t cols, int columns, int scale_block, uint32_t seed = 7)
      : cols_(cols),
        columns_(columns),
        floats_(static_cast<size_t>(cols * columns)),
        blocks_(static_cast<size_t>(cols / kActivationBlock * columns)) {
    std::mt19937 random(seed + static_cast<uint32_t>(cols));
    std::normal_distribution<float> normal(0.0f, 1.0f);
    for (float& x : floats_) x = normal(random);
    quantize(scale_block);
  }

  void set_all(float magnitude, bool alternate, int scale_block) {
    for (size_t i = 0; i < floats_.size(); ++i) floats_[i] = alternate && i % 2 == 1 ? -magnitude : magnitude;
    quantize(scale_block);
  }

  int columns() const { return columns_; }
  const float* floats() const { return floats_.data(); }
  ActivationBlock* blocks() { return blocks_.data(); }
  int64_t blocks_stride() const { return cols_ / kActivationBlock; }
  // The value that the kernels see.
  double quantized(int column, int64_t k) {
    const ActivationBlock& b = blocks_[static_cast<size_t>(column * blocks_stride() + k / kActivationBlock)];
    return static_cast<double>(b.scale) * b.q[k % kActivationBlock];
  }

 private:
  void quantize(int scale_block) {
    const Kernels* reference = all_kernels().back();
    for (int c = 0; c < columns_; ++c) {
      reference->quantize(floats_.data() + c * cols_, cols_, scale_block,
                          blocks_.data() + c * blocks_stride());
    }
  }

  int64_t cols_;
  int columns_;
  std::vector<float> floats_;
  AlignedVector<ActivationBlock> blocks_;
};

}  // namespace pingti
