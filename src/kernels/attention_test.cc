// Attention of every instruction set against the formula in double precision.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "kernels/kernels.h"

namespace pingti {
namespace {

constexpr double kUnit = 0x1p-24;  // rounding error of one float operation
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr int kBlockPages = kAttentionBlock / kPageTokens;

// Keys and values of one KV head over one block, in pages; slots never appended hold NaN in every type.
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
    k_[key] = k;
    v_[key] = v;
    std::byte* page = memory_[key / kPageTokens].data();
    kernels_.kv_append({.type = type_,
                        .head_dim = head_dim_,
                        .k = k_[key].data(),
                        .v = v_[key].data(),
                        .k_out = page + kGap,
                        .v_out = page + kGap + kv_head_bytes(type_, head_dim_),
                        .slot = key % kPageTokens});
  }

  // partials[row][head_dim + 2 + padding]
  std::vector<float> attend(const std::vector<AttendRow>& rows, float scale, float softcap = 0) const {
    const int rows_count = static_cast<int>(rows.size());
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

  int64_t stride() const { return head_dim_ + 5; }
  const std::vector<float>& k(int key) const { return k_[key]; }
  const std::vector<float>& v(int key) const { return v_[key]; }
  std::byte* page(int i) { return memory_[i].data(); }
  void hide_page(int i) { pages_[i] = nullptr; }
  static constexpr int64_t kGap = 64;

 private:
  const Kernels& kernels_;
  KvType type_;
  int head_dim_;
  std::vector<std::vector<std::byte>> memory_;
  std::vector<const std::byte*> pages_;
  std::vector<std::vector<float>> k_, v_;
};

// Numbers every KvType holds exactly: seven significant bits.
std::vector<float> exact_values(std::mt19937& random, int count, float size = 1.0f) {
  std::uniform_int_distribution<int> whole(-64, 64);
  std::vector<float> out(count);
  for (float& x : out) x = static_cast<float>(whole(random)) / 64.0f * size;
  return out;
}
std::vector<float> random_values(std::mt19937& random, int count) {
  std::normal_distribution<float> normal;
  std::vector<float> out(count);
  for (float& x : out) x = normal(random);
  return out;
}

bool sees(const AttendRow& row, int key) {
  const bool in_range = key < row.sink_end || (key >= row.key_begin && key < row.key_end);
  return in_range && (row.page_mask >> key / kPageTokens & 1) != 0;
}
bool sees_nothing(const AttendRow& row) {
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
  double relative_error = 0;  // to sum, and to values in units of sum
};

Expected expected(const BlockOfKeys& block, const AttendRow& row, int head_dim, double scale,
                  double softcap) {
  Expected out;
  out.values.assign(head_dim, 0);
  std::vector<double> scores(kAttentionBlock);
  for (int key = 0; key < kAttentionBlock; ++key) {
    if (!sees(row, key)) continue;
    double dot = 0;
    double magnitude = 0;
    for (int d = 0; d < head_dim; ++d) {
      dot += double{row.q[d]} * block.k(key)[d];
      magnitude += std::fabs(double{row.q[d]} * block.k(key)[d]);
    }
    // head_dim products and sums, each rounded at most twice; then scale and soft cap.
    double error = (2 * head_dim + 2) * kUnit * magnitude * scale;
    double score = dot * scale;
    if (softcap > 0) {
      score = softcap * std::tanh(score / softcap);
      error += 16 * kUnit * softcap;
    }
    scores[key] = score;
    out.max = std::max(out.max, score);
    out.max_error = std::max(out.max_error, error + kUnit * std::fabs(score));
  }
  for (int key = 0; key < kAttentionBlock; ++key) {
    if (!sees(row, key)) continue;
    const double weight = std::exp(scores[key] - out.max);
    out.sum += weight;
    for (int d = 0; d < head_dim; ++d) out.values[d] += weight * block.v(key)[d];
  }
  // exp of a difference of two scores, 4 units of its own, then up to 256 products and sums.
  out.relative_error = std::expm1(2 * out.max_error) + (4 + 2 * kAttentionBlock) * kUnit;
  return out;
}

void expect_near(const Expected& want, const float* partial, int head_dim, double largest_value) {
  ASSERT_NEAR(partial[0], want.max, want.max_error);
  ASSERT_NEAR(partial[1], want.sum, want.sum * want.relative_error);
  for (int d = 0; d < head_dim; ++d) {
    ASSERT_NEAR(partial[2 + d], want.values[d], largest_value * want.sum * want.relative_error) << "d=" << d;
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
INSTANTIATE_TEST_SUITE_P(Isas, AttentionTest, testing::ValuesIn(all_kernels().begin(), all_kernels().end()),
                         [](const auto& info) { return std::string(info.param->isa); });

// What rows of real batches see: everything, causal ends, windows, single keys, nothing; some with sinks and
// with hidden pages.
std::vector<AttendRow> mixed_rows(std::mt19937& random, const std::vector<std::vector<float>>& q, int keys) {
  std::vector<AttendRow> rows;
  std::uniform_int_distribution<int> any(0, keys);
  for (size_t i = 0; i < q.size(); ++i) {
    int begin = 0;
    int end = keys;
    switch (random() % 6) {
      case 0:
        end = std::max(1, keys - static_cast<int>(q.size() - i));
        break;
      case 1:
        begin = any(random);
        break;
      case 2:
        begin = std::min(any(random), keys - 1), end = begin + 1;
        break;
      case 3:
        begin = end = any(random);
        break;
      case 4:
        begin = any(random) / 2, end = std::max(begin, any(random));
        break;
      default:
        break;
    }
    AttendRow row = {q[i].data(), begin, end};
    if (random() % 3 == 0) row.sink_end = std::min(any(random), static_cast<int>(random() % 70));
    if (random() % 3 == 0) row.page_mask = static_cast<uint8_t>(random());
    rows.push_back(row);
  }
  return rows;
}

TEST_P(AttentionTest, PartialsEqualTheFormula) {
  const int row_counts[] = {1, 2, 3, 6, 7, 8, 13, 33, 70};
  int turn = 0;
  for (const KvType type : {KvType::kF32, KvType::kF16, KvType::kBF16}) {
    for (const int head_dim : {16, 32, 48, 64, 80, 96, 112, 128, 192, 256, 576}) {
      for (const int keys : {1, 31, 64, 100, 256}) {
        SCOPED_TRACE(testing::Message()
                     << "type " << int(type) << " head_dim " << head_dim << " keys " << keys);
        BlockOfKeys block(kernels(), type, head_dim, (keys + kPageTokens - 1) / kPageTokens);
        for (int key = 0; key < keys; ++key) {
          block.append(key, exact_values(random_, head_dim), exact_values(random_, head_dim));
        }
        std::vector<std::vector<float>> q(row_counts[turn++ % std::size(row_counts)]);
        for (auto& row : q) row = random_values(random_, head_dim);
        const auto rows = mixed_rows(random_, q, keys);
        const float scale = 1.0f / std::sqrt(static_cast<float>(head_dim));
        const auto partials = block.attend(rows, scale);
        for (size_t r = 0; r < rows.size(); ++r) {
          const float* partial = partials.data() + r * block.stride();
          const Expected want = expected(block, rows[r], head_dim, scale, 0);
          if (sees_nothing(rows[r])) {
            ASSERT_EQ(partial[0], -kInf);
            for (int d = -1; d < head_dim; ++d) ASSERT_EQ(partial[2 + d], 0);
          } else {
            ASSERT_NO_FATAL_FAILURE(expect_near(want, partial, head_dim, 1.0)) << "row " << r;
          }
          for (int64_t i = head_dim + 2; i < block.stride(); ++i) ASSERT_EQ(partial[i], 12345.0f);
        }
      }
    }
  }
}

TEST_P(AttentionTest, ARowAloneHasTheSameBitsAsAmongMany) {
  for (const KvType type : {KvType::kF32, KvType::kF16, KvType::kBF16}) {
    for (const int head_dim : {64, 80, 128, 256}) {
      const int keys = 201;
      BlockOfKeys block(kernels(), type, head_dim, (keys + kPageTokens - 1) / kPageTokens);
      for (int key = 0; key < keys; ++key) {
        block.append(key, random_values(random_, head_dim), random_values(random_, head_dim));
      }
      for (const int row_count : {2, 5, 6, 12, 13, 14, 47, 70}) {
        std::vector<std::vector<float>> q(row_count);
        for (auto& row : q) row = random_values(random_, head_dim);
        const auto rows = mixed_rows(random_, q, keys);
        const auto together = block.attend(rows, 0.1f, 30.0f);
        for (int r = 0; r < row_count; ++r) {
          const auto alone = block.attend({rows[r]}, 0.1f, 30.0f);
          ASSERT_EQ(std::memcmp(alone.data(), together.data() + r * block.stride(), (head_dim + 2) * 4), 0)
              << "type " << int(type) << " head_dim " << head_dim << " row " << r << " of " << row_count;
        }
      }
    }
  }
}

TEST_P(AttentionTest, ValuesOfHiddenKeysNeverShow) {
  const int head_dim = 64;
  for (const int row_count : {3, 20}) {  // the direct and the converting path
    BlockOfKeys block(kernels(), KvType::kF32, head_dim, kBlockPages);
    const std::vector<float> nan(head_dim, std::nanf(""));
    for (int key = 0; key < kAttentionBlock; ++key) {
      const bool poisoned = key >= 90 && key < 100;
      block.append(key, poisoned ? nan : exact_values(random_, head_dim),
                   poisoned ? nan : exact_values(random_, head_dim));
    }
    const auto q = random_values(random_, head_dim);
    std::vector<AttendRow> rows;
    for (int r = 0; r < row_count; ++r) {
      rows.push_back(r % 3 == 0   ? AttendRow{q.data(), 0, 90}
                     : r % 3 == 1 ? AttendRow{q.data(), 100, 256}
                                  : AttendRow{q.data(), 50, 91});
      if (r % 2 == 0) rows.back().sink_end = 10;
    }
    const auto partials = block.attend(rows, 0.125f);
    for (int r = 0; r < row_count; ++r) {
      for (int i = 1; i < head_dim + 2; ++i) {
        ASSERT_EQ(std::isnan(partials[r * block.stride() + i]), r % 3 == 2) << r << " " << i;
      }
    }
  }
}

TEST_P(AttentionTest, SinksAndPageMasks) {
  const int head_dim = 64;
  BlockOfKeys block(kernels(), KvType::kF16, head_dim, kBlockPages);
  for (int key = 0; key < kAttentionBlock; ++key) {
    block.append(key, exact_values(random_, head_dim), exact_values(random_, head_dim));
  }
  const auto q = random_values(random_, head_dim);
  const AttendRow rows[] = {
      {q.data(), 0, 256, 0, 0xff},    // everything
      {q.data(), 100, 200, 4, 0xff},  // sinks apart from the window
      {q.data(), 3, 200, 40, 0xff},   // sinks that reach into it
      {q.data(), 10, 20, 256, 0xff},  // sinks over everything
      {q.data(), 0, 0, 33, 0xff},     // sinks alone
      {q.data(), 60, 250, 5, 0xb5},   // with pages hidden
      {q.data(), 0, 256, 0, 0x55},    // every other page
      {q.data(), 0, 256, 7, 0xfe},    // sinks in a hidden page
      {q.data(), 40, 60, 0, 0xfd},    // nothing: its keys lie in a hidden page
      {q.data(), 0, 256, 256, 0},     // nothing
      {q.data(), 256, 256, 0, 0xff},  // nothing
      {q.data(), 255, 256, 1, 0x81},  // the first key and the last
  };
  const std::vector<AttendRow> all(std::begin(rows), std::end(rows));
  const auto together = block.attend(all, 0.125f);
  for (size_t r = 0; r < all.size(); ++r) {
    const float* partial = together.data() + r * block.stride();
    const auto alone = block.attend({all[r]}, 0.125f);
    ASSERT_EQ(std::memcmp(alone.data(), partial, (head_dim + 2) * 4), 0) << "row " << r;
    if (sees_nothing(all[r])) {
      EXPECT_EQ(partial[0], -kInf) << "row " << r;
      for (int d = -1; d < head_dim; ++d) ASSERT_EQ(partial[2 + d], 0) << "row " << r;
      continue;
    }
    ASSERT_NO_FATAL_FAILURE(expect_near(expected(block, all[r], head_dim, 0.125, 0), partial, head_dim, 1.0))
        << "row " << r;
  }
}

TEST_P(AttentionTest, PagesNoRowSeesAreNotRead) {
  const int head_dim = 64;
  BlockOfKeys block(kernels(), KvType::kF16, head_dim, kBlockPages);
  for (int key = 0; key < kAttentionBlock; ++key) {
    block.append(key, exact_values(random_, head_dim), exact_values(random_, head_dim));
  }
  const auto q = random_values(random_, head_dim);
  const std::vector<AttendRow> rows = {
      {q.data(), 70, 256, 3, 0x97}, {q.data(), 0, 256, 0, 0x06}, {q.data(), 96, 128, 0, 0xf7}};
  const auto want = block.attend(rows, 0.125f);
  for (const int page : {3, 5, 6}) block.hide_page(page);
  const auto got = block.attend(rows, 0.125f);
  ASSERT_EQ(std::memcmp(want.data(), got.data(), want.size() * sizeof(float)), 0);
}

TEST_P(AttentionTest, SoftCap) {
  const int head_dim = 128;
  BlockOfKeys block(kernels(), KvType::kF16, head_dim, kBlockPages);
  for (int key = 0; key < kAttentionBlock; ++key) {
    block.append(key, exact_values(random_, head_dim, 4), exact_values(random_, head_dim));
  }
  const auto q = random_values(random_, head_dim);
  const AttendRow row = {q.data(), 0, kAttentionBlock};
  for (const float softcap : {1.0f, 30.0f, 50.0f}) {
    const auto partial = block.attend({row}, 0.5f, softcap);
    ASSERT_NO_FATAL_FAILURE(
        expect_near(expected(block, row, head_dim, 0.5, softcap), partial.data(), head_dim, 1.0));
  }
}

TEST_P(AttentionTest, ScoresOfTenThousandAndBeyond) {
  const int head_dim = 64;
  for (const float size : {1e4f, -1e4f, 3e38f}) {
    BlockOfKeys block(kernels(), KvType::kF32, head_dim, kBlockPages);
    for (int key = 0; key < kAttentionBlock; ++key) {
      std::vector<float> k(head_dim, 0.0f);
      k[0] = key == 7 ? size : key == 9 ? -size : 0.0f;
      block.append(key, k, std::vector<float>(head_dim, static_cast<float>(key)));
    }
    std::vector<float> q(head_dim, 0.0f);
    q[0] = 1;
    const auto partial = block.attend({{q.data(), 0, kAttentionBlock}}, 1.0f);
    EXPECT_EQ(partial[0], std::fabs(size));
    EXPECT_EQ(partial[1], 1.0f);
    EXPECT_EQ(partial[2], size > 0 ? 7.0f : 9.0f);
    // All scores -inf after an overflow: no weight, and no NaN.
    q[0] = -3e38f;
    const auto none = block.attend({{q.data(), size > 0 ? 7 : 9, size > 0 ? 8 : 10}}, 1e4f);
    EXPECT_EQ(none[0], -kInf);
    EXPECT_EQ(none[1], 0.0f);
  }
}

TEST_P(AttentionTest, MergeEqualsSoftmaxOverAllBlocks) {
  const int head_dim = 80;
  const int stride = head_dim + 3;
  std::vector<float> partials;
  std::vector<double> want(head_dim, 0);
  double total = 0;
  for (const float max : {-kInf, -3.0f, 2.0f, -kInf, 1.5f, 90.0f, 89.0f, -4000.0f}) {
    const auto values = random_values(random_, head_dim);
    const float sum = max == -kInf ? 0.0f : 1.0f + static_cast<float>(random_() % 100);
    partials.push_back(max);
    partials.push_back(sum);
    for (const float v : values) partials.push_back(max == -kInf ? 0.0f : v * sum);
    partials.push_back(std::nanf(""));  // padding
    const double weight = std::exp(double{max} - 90.0);
    total += weight * sum;
    for (int d = 0; d < head_dim; ++d) want[d] += weight * partials[partials.size() - stride + 2 + d];
  }
  std::vector<float> out(head_dim, std::nanf(""));
  kernels().attend_merge({.head_dim = head_dim,
                          .partials = partials.data(),
                          .partial_stride = stride,
                          .block_count = 8,
                          .out = out.data()});
  for (int d = 0; d < head_dim; ++d) ASSERT_NEAR(out[d], want[d] / total, 8 * 8 * kUnit * 4);
}

TEST_P(AttentionTest, MergeOfNothingIsZeroAndOfNanIsNan) {
  std::vector<float> partials(2 * 18, 0.0f);
  partials[0] = partials[18] = -kInf;
  std::vector<float> out(16, 5.0f);
  const AttendMergeArgs args = {16, partials.data(), 18, 2, out.data()};
  kernels().attend_merge(args);
  for (const float x : out) EXPECT_EQ(x, 0.0f);
  partials[19] = std::nanf("");
  kernels().attend_merge(args);
  for (const float x : out) EXPECT_TRUE(std::isnan(x));
}

TEST_P(AttentionTest, BlocksMergedEqualOneLongSoftmax) {
  const int head_dim = 64;
  const int blocks = 3;
  const auto q = random_values(random_, head_dim);
  std::vector<float> partials;
  std::vector<double> scores, values;
  int64_t stride = 0;
  for (int b = 0; b < blocks; ++b) {
    BlockOfKeys block(kernels(), KvType::kF16, head_dim, kBlockPages);
    stride = block.stride();
    const int keys = b + 1 < blocks ? kAttentionBlock : 77;
    for (int key = 0; key < keys; ++key) {
      block.append(key, exact_values(random_, head_dim), exact_values(random_, head_dim));
      double dot = 0;
      for (int d = 0; d < head_dim; ++d) dot += double{q[d]} * block.k(key)[d];
      scores.push_back(dot * 0.25);
      for (const float v : block.v(key)) values.push_back(v);
    }
    const auto partial = block.attend({{q.data(), 0, keys}}, 0.25f);
    partials.insert(partials.end(), partial.begin(), partial.end());
  }
  std::vector<float> out(head_dim);
  kernels().attend_merge({head_dim, partials.data(), stride, blocks, out.data()});
  double total = 0;
  std::vector<double> want(head_dim, 0);
  for (size_t key = 0; key < scores.size(); ++key) {
    total += std::exp(scores[key]);
    for (int d = 0; d < head_dim; ++d) want[d] += std::exp(scores[key]) * values[key * head_dim + d];
  }
  for (int d = 0; d < head_dim; ++d) EXPECT_NEAR(out[d], want[d] / total, 2e-5);
}

// ---- what kv_append stores ---------------------------------------------------------------------------

double half_value(uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const int mantissa = bits & 1023;
  const double size = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return bits & 0x8000 ? -size : size;
}
double bfloat_value(uint16_t bits) {
  const uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float x;
  std::memcpy(&x, &wide, 4);
  return x;
}

// `bits` is the nearest number of its type, the even one of two equally near.
void expect_nearest(double x, uint16_t bits, double (*value)(uint16_t), uint16_t largest) {
  const double error = std::fabs(value(bits) - x);
  const uint16_t magnitude = bits & 0x7fff;
  for (const int step : {-1, 1}) {
    if (magnitude + step < 0 || magnitude + step > largest) continue;
    const double other = std::fabs(value(static_cast<uint16_t>(bits + step)) - x);
    ASSERT_TRUE(error < other || (error == other && bits % 2 == 0)) << x << " stored as " << value(bits);
  }
}

TEST_P(AttentionTest, AppendRoundsToNearestAndSaturates) {
  const int head_dim = 48;
  for (const KvType type : {KvType::kF16, KvType::kBF16}) {
    const bool half = type == KvType::kF16;
    const uint16_t largest = half ? 0x7bff : 0x7f7f;
    double (*value)(uint16_t) = half ? half_value : bfloat_value;
    for (int slot = 0; slot < kPageTokens; ++slot) {
      std::vector<float> k = random_values(random_, head_dim);
      std::vector<float> v(head_dim);
      for (int d = 0; d < head_dim; ++d) v[d] = std::ldexp(k[d], static_cast<int>(random_() % 50) - 30);
      const float specials[] = {0.0f,     -0.0f, 65504.0f, 65519.9f, 65520.0f, 1e9f,  -1e9f,   3.4e38f,
                                -3.4e38f, kInf,  -kInf,    6e-8f,    2.9e-8f,  3e-8f, 6.1e-5f, 0x1.004p0f};
      std::copy(std::begin(specials), std::end(specials), v.begin());
      BlockOfKeys block(kernels(), type, head_dim, 1);
      block.append(slot, k, v);
      const auto* stored = reinterpret_cast<const uint16_t*>(block.page(0) + BlockOfKeys::kGap);
      const uint16_t* stored_v = stored + kPageTokens * head_dim;
      const double limit = value(largest);
      for (int d = 0; d < head_dim; ++d) {
        expect_nearest(k[d], stored[(slot / 16 * head_dim + d) * 16 + slot % 16], value, largest);
        const double bounded = std::clamp<double>(v[d], -limit, limit);
        expect_nearest(bounded, stored_v[slot * head_dim + d], value, largest);
        ASSERT_EQ(std::signbit(value(stored_v[slot * head_dim + d])), std::signbit(v[d]));
      }
      int written = 0;
      for (int i = 0; i < 2 * kPageTokens * head_dim; ++i) written += stored[i] != 0xffff;
      ASSERT_EQ(written, 2 * head_dim);
    }
  }
}

TEST_P(AttentionTest, AppendKeepsNan) {
  for (const KvType type : {KvType::kF16, KvType::kBF16}) {
    BlockOfKeys block(kernels(), type, 16, 1);
    std::memset(block.page(0), 0, BlockOfKeys::kGap + 2 * kv_head_bytes(type, 16));
    block.append(3, std::vector<float>(16, std::nanf("")), std::vector<float>(16, -std::nanf("")));
    const uint16_t infinity = type == KvType::kF16 ? 0x7c00 : 0x7f80;
    const auto* v = reinterpret_cast<const uint16_t*>(block.page(0) + BlockOfKeys::kGap) + kPageTokens * 16;
    for (int d = 0; d < 16; ++d) EXPECT_GT(v[3 * 16 + d] & 0x7fff, infinity);
  }
}

TEST_P(AttentionTest, EveryHalfIsReadExactly) {
  // One visible key: the row's values are that key's V, unchanged.
  const int head_dim = 256;
  for (const int row_count : {1, 20}) {
    BlockOfKeys block(kernels(), KvType::kF16, head_dim, 1);
    const std::vector<float> zeros(head_dim, 0.0f);
    block.append(0, zeros, zeros);
    auto* v = reinterpret_cast<uint16_t*>(block.page(0) + BlockOfKeys::kGap) + kPageTokens * head_dim;
    const std::vector<AttendRow> rows(row_count, AttendRow{zeros.data(), 0, 1});
    for (int first = 0; first < 0x10000; first += head_dim) {
      for (int d = 0; d < head_dim; ++d) v[d] = static_cast<uint16_t>(first + d);
      const auto partials = block.attend(rows, 1.0f);
      for (int d = 0; d < head_dim; ++d) {
        const float got = partials[2 + d];
        if ((v[d] & 0x7c00) != 0x7c00) {
          ASSERT_EQ(got, half_value(v[d]));
        } else if ((v[d] & 0x3ff) == 0) {
          ASSERT_EQ(got, v[d] & 0x8000 ? -kInf : kInf);
        } else {
          ASSERT_TRUE(std::isnan(got));
        }
      }
    }
  }
}

}  // namespace
}  // namespace pingti
