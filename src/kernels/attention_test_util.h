// Keys and values in pages, and what attention over them is in double precision. For tests.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "kernels/kernels.h"

namespace pingti {

constexpr double kUnit = 0x1p-24;  // rounding error of one float operation
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr int kBlockPages = kAttentionBlock / kPageTokens;

constexpr KvType kKvTypes[] = {KvType::kF32, KvType::kF16, KvType::kBF16,
                               KvType::kQ16, KvType::kQ8,  KvType::kQ4};

// The transform of the integer types' keys and queries, in double precision: Sylvester's Hadamard matrix over
// consecutive dimensions, as many as the largest power of two dividing their number.
inline int hadamard_order(int head_dim) { return head_dim & -head_dim; }
template <class T>
std::vector<double> hadamard(const T* x, int head_dim) {
  const int order = hadamard_order(head_dim);
  std::vector<double> out(head_dim);
  for (int d = 0; d < head_dim; ++d) {
    const int first = d / order * order;
    for (int i = 0; i < order; ++i) {
      out[d] += __builtin_popcount(d % order & i) % 2 == 0 ? double{x[first + i]} : -double{x[first + i]};
    }
  }
  return out;
}

// Keys and values of one KV head over one block, in pages; slots never appended hold NaN in every float type
// and as every scale.
class BlockOfKeys {
 public:
  BlockOfKeys(const Kernels& kernels, KvType type, int head_dim, int pages)
      : kernels_(kernels), type_(type), head_dim_(head_dim), k_(kAttentionBlock), v_(kAttentionBlock) {
    const auto bytes = static_cast<size_t>(kGap + 2 * kv_head_bytes(type, head_dim));
    for (int i = 0; i < pages; ++i) memory_.emplace_back(bytes, std::byte{0xff});
    pages_.assign(kBlockPages, nullptr);
    for (int i = 0; i < pages; ++i) pages_[i] = memory_[i].data();
  }

  void append(int key, const std::vector<float>& k, const std::vector<float>& v) {
    std::byte* page = memory_[key / kPageTokens].data();
    kernels_.kv_append({.type = type_,
                        .head_dim = head_dim_,
                        .k = k.data(),
                        .v = v.data(),
                        .k_out = page + kGap,
                        .v_out = page + kGap + kv_head_bytes(type_, head_dim_),
                        .slot = key % kPageTokens});
    k_[key].assign(k.begin(), k.end());
    v_[key].assign(v.begin(), v.end());
    if (!is_integer(type_)) return;
    read_integers(key);
  }

  // partials[row][head_dim + 2 + padding]; the rows' q as the model has it.
  std::vector<float> attend(std::vector<AttendRow> rows, float scale, float softcap = 0) const {
    const int rows_count = static_cast<int>(rows.size());
    std::vector<std::vector<float>> queries;
    for (AttendRow& row : rows) {
      queries.emplace_back(row.q, row.q + head_dim_);
      kernels_.attend_query(type_, head_dim_, queries.back().data());
      row.q = queries.back().data();
    }
    std::vector<float> partials(rows.size() * stride(), 12345.0f);
    std::vector<float> scratch(attend_scratch_floats(rows_count), std::nanf(""));
    kernels_.attend_block({.type = type_,
                           .head_dim = head_dim_,
                           .scale = scale,
                           .softcap = softcap,
                           .pages = pages_.data(),
                           .k_offset = kGap,
                           .v_offset = kGap + kv_head_bytes(type_, head_dim_),
                           .rows = rows.data(),
                           .row_count = rows_count,
                           .partials = partials.data(),
                           .partial_stride = stride(),
                           .scratch = scratch.data()});
    return partials;
  }

  KvType type() const { return type_; }
  int head_dim() const { return head_dim_; }
  int64_t stride() const { return head_dim_ + 5; }
  // As stored: of integer types what the page holds, of others what was appended.
  const std::vector<double>& k(int key) const { return k_[key]; }
  const std::vector<double>& v(int key) const { return v_[key]; }
  // Sum of the magnitudes of a rotated key, in units of q . k.
  double k_magnitude(int key) const { return k_magnitude_[key]; }
  double v_scale(int key) const { return read_scale(key, kv_head_bytes(type_, head_dim_)); }
  double k_scale(int key) const { return read_scale(key, 0); }
  std::byte* page(int i) { return memory_[i].data(); }
  void hide_page(int i) { pages_[i] = nullptr; }
  static constexpr int64_t kGap = 64;

 private:
  double read_scale(int key, int64_t offset) const {
    float scale;
    std::memcpy(&scale, memory_[key / kPageTokens].data() + kGap + offset + key % kPageTokens * 4, 4);
    return scale;
  }

  // Integer `index` of the numbers that begin at `first`; of q4, the lower or upper half of byte `index`.
  double integer(const std::byte* first, int64_t index, bool upper) const {
    if (type_ == KvType::kQ16) {
      int16_t x;
      std::memcpy(&x, first + 2 * index, 2);
      return x;
    }
    const auto byte = std::to_integer<uint8_t>(first[index]);
    if (type_ == KvType::kQ8) return static_cast<int8_t>(byte);
    return (upper ? byte >> 4 : byte & 15) - 8;
  }

  // The layout that kernels/attention.h describes.
  void read_integers(int key) {
    const int slot = key % kPageTokens;
    const std::byte* k = memory_[key / kPageTokens].data() + kGap + kPageTokens * 4;
    const std::byte* v = k + kv_head_bytes(type_, head_dim_);
    const bool q4 = type_ == KvType::kQ4;
    const int half = slot / 16;
    const int lane = slot % 16;
    const int padded = (head_dim_ + 31) / 32;
    for (int d = 0; d < head_dim_; ++d) {
      const int k_index = q4 ? (half * head_dim_ / 4 + d / 4) * 32 + lane * 2 + d % 2
                             : (half * head_dim_ / 2 + d / 2) * 32 + lane * 2 + d % 2;
      const int v_index = q4 ? (slot / 2 * padded + d / 32) * 32 + d % 16 * 2 + slot % 2
                             : (slot / 2 * head_dim_ + d) * 2 + slot % 2;
      k_[key][d] = integer(k, k_index, d % 4 >= 2) * k_scale(key);
      v_[key][d] = integer(v, v_index, d % 32 >= 16) * v_scale(key);
    }
    for (const double x : k_[key]) k_magnitude_[key] += std::fabs(x) / hadamard_order(head_dim_);
    k_[key] = hadamard(k_[key].data(), head_dim_);
    for (double& x : k_[key]) x /= hadamard_order(head_dim_);
  }

  const Kernels& kernels_;
  KvType type_;
  int head_dim_;
  std::vector<std::vector<std::byte>> memory_;
  std::vector<const std::byte*> pages_;
  std::vector<std::vector<double>> k_, v_;
  double k_magnitude_[kAttentionBlock] = {};
};

// Numbers every KvType holds exactly: seven significant bits.
inline std::vector<float> exact_values(std::mt19937& random, int count, float size = 1.0f) {
  std::uniform_int_distribution<int> whole(-64, 64);
  std::vector<float> out(count);
  for (float& x : out) x = static_cast<float>(whole(random)) / 64.0f * size;
  return out;
}
inline std::vector<float> random_values(std::mt19937& random, int count) {
  std::normal_distribution<float> normal;
  std::vector<float> out(count);
  for (float& x : out) x = normal(random);
  return out;
}

inline bool sees(const AttendRow& row, int key) {
  const bool in_range = key < row.sink_end || (key >= row.key_begin && key < row.key_end);
  return in_range && (row.page_mask >> key / kPageTokens & 1) != 0;
}
inline bool sees_nothing(const AttendRow& row) {
  for (int key = 0; key < kAttentionBlock; ++key) {
    if (sees(row, key)) return false;
  }
  return true;
}

struct Expected {
  double max = -std::numeric_limits<double>::infinity();
  double sum = 0;
  std::vector<double> values;
  double max_error = 0;       // what rounding may do to max,
  double relative_error = 0;  // to sum, and to values in units of sum,
  double value_error = 0;     // and, by integer weights, to values
};

// What making integers of q may change in a number of it: half a unit.
inline double query_error(const BlockOfKeys& block, const AttendRow& row) {
  const int head_dim = block.head_dim();
  if (!is_integer(block.type())) return 0;
  const int largest_key = block.type() == KvType::kQ16  ? static_cast<int>(std::sqrt(INT32_MAX / head_dim))
                          : block.type() == KvType::kQ8 ? 127
                                                        : 7;
  const double limit = std::min(32767, INT32_MAX / (largest_key * head_dim));
  double largest = 0;
  for (const double x : hadamard(row.q, head_dim)) largest = std::max(largest, std::fabs(x));
  return 0.51 * largest / limit;
}

inline Expected expected(const BlockOfKeys& block, const AttendRow& row, double scale, double softcap) {
  const int head_dim = block.head_dim();
  Expected out;
  out.values.assign(head_dim, 0);
  std::vector<double> scores(kAttentionBlock);
  const double q_error = query_error(block, row);
  for (int key = 0; key < kAttentionBlock; ++key) {
    if (!sees(row, key)) continue;
    double dot = 0;
    double magnitude = 0;
    for (int d = 0; d < head_dim; ++d) {
      dot += double{row.q[d]} * block.k(key)[d];
      magnitude += std::fabs(double{row.q[d]} * block.k(key)[d]);
    }
    // head_dim products and sums, each rounded at most twice; then scale and soft cap.
    double error = ((2 * head_dim + 2) * kUnit * magnitude + q_error * block.k_magnitude(key)) * scale;
    double score = dot * scale;
    if (softcap > 0) {
      score = softcap * std::tanh(score / softcap);
      error += 16 * kUnit * softcap;
    }
    scores[key] = score;
    out.max = std::max(out.max, score);
    out.max_error = std::max(out.max_error, error + kUnit * std::fabs(score));
  }
  double largest_weight = 0;
  double largest_values = 0;  // of one dimension, in units of each key's scale, added up
  for (int key = 0; key < kAttentionBlock; ++key) {
    if (!sees(row, key)) continue;
    const double weight = std::exp(scores[key] - out.max);
    out.sum += weight;
    for (int d = 0; d < head_dim; ++d) out.values[d] += weight * block.v(key)[d];
    if (!is_integer(block.type())) continue;
    largest_weight = std::max(largest_weight, weight * block.v_scale(key));
    largest_values += block.type() == KvType::kQ16 ? 4095 : block.type() == KvType::kQ8 ? 127 : 7;
  }
  // exp of a difference of two scores, 4 units of its own, then up to 256 products and sums.
  out.relative_error = std::expm1(2 * out.max_error) + (4 + 2 * kAttentionBlock) * kUnit;
  // Half a unit of each weight.
  out.value_error = 0.51 * std::exp(2 * out.max_error) * largest_weight / 16383 * largest_values;
  return out;
}

inline void expect_near(const Expected& want, const float* partial, double largest_value) {
  ASSERT_NEAR(partial[0], want.max, want.max_error);
  ASSERT_NEAR(partial[1], want.sum, want.sum * want.relative_error);
  const double error = largest_value * want.sum * want.relative_error + want.value_error;
  for (size_t d = 0; d < want.values.size(); ++d) {
    ASSERT_NEAR(partial[2 + d], want.values[d], error) << "d=" << d;
  }
}

class AttentionTest : public testing::TestWithParam<const Kernels*> {
 protected:
  void SetUp() override {
    if (!is_runnable(*GetParam())) GTEST_SKIP() << "this CPU lacks " << GetParam()->isa;
  }
  const Kernels& kernels() const { return *GetParam(); }
  std::mt19937 random_{20240607};
};
}  // namespace pingti
