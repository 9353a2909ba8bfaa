// Attention of every instruction set against the formula in double precision.
#include <bit>
#include <cmath>
#include <cstring>

#include "kernels/attention_test_util.h"

namespace pingti {
namespace {

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
  for (const KvType type : kKvTypes) {
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
          const Expected want = expected(block, rows[r], scale, 0);
          if (sees_nothing(rows[r])) {
            ASSERT_EQ(partial[0], -kInf);
            for (int d = -1; d < head_dim; ++d) ASSERT_EQ(partial[2 + d], 0);
          } else {
            ASSERT_NO_FATAL_FAILURE(expect_near(want, partial, 1.0)) << "row " << r;
          }
          for (int64_t i = head_dim + 2; i < block.stride(); ++i) ASSERT_EQ(partial[i], 12345.0f);
        }
      }
    }
  }
}

TEST_P(AttentionTest, ARowAloneHasTheSameBitsAsAmongMany) {
  for (const KvType type : kKvTypes) {
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
    for (int i = 0; i < head_dim + 2; ++i) {
      ASSERT_EQ(std::bit_cast<uint32_t>(alone[static_cast<size_t>(i)]), std::bit_cast<uint32_t>(partial[i]))
          << "row " << r;
    }
    if (sees_nothing(all[r])) {
      EXPECT_EQ(partial[0], -kInf) << "row " << r;
      for (int d = -1; d < head_dim; ++d) ASSERT_EQ(partial[2 + d], 0) << "row " << r;
      continue;
    }
    ASSERT_NO_FATAL_FAILURE(expect_near(expected(block, all[r], 0.125, 0), partial, 1.0)) << "row " << r;
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
    ASSERT_NO_FATAL_FAILURE(expect_near(expected(block, row, 0.5, softcap), partial.data(), 1.0));
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

}  // namespace
}  // namespace pingti
