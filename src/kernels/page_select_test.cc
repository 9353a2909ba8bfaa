// Page summaries and weights of every instruction set against their definition in double precision.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <random>
#include <vector>

#include "kernels/kernels.h"

namespace pingti {
namespace {

class PageSelect : public testing::TestWithParam<const Kernels*> {
 protected:
  const Kernels& kernels() const { return *GetParam(); }
  std::vector<float> values(int count, float size = 1.0f) {
    std::normal_distribution<float> normal(0.0f, size);
    std::vector<float> out(static_cast<size_t>(count));
    for (float& x : out) x = normal(random_);
    return out;
  }
  std::mt19937 random_{1};
};

double half(const std::byte* summary, int index) {
  uint16_t bits = 0;
  std::memcpy(&bits, summary + 2 * index, 2);
  const int exponent = bits >> 10 & 31;
  const double magnitude =
      exponent == 0 ? std::ldexp(bits & 1023, -24) : std::ldexp(1024 + (bits & 1023), exponent - 25);
  return (bits >> 15) != 0 ? -magnitude : magnitude;
}

TEST_P(PageSelect, SummariesHoldMiddleAndWidthOfTheStoredKeys) {
  for (const KvType type : {KvType::kF32, KvType::kF16, KvType::kBF16}) {
    for (const int dim : {16, 48, 64, 128, 256}) {
      std::vector<std::byte> k(static_cast<size_t>(kv_head_bytes(type, dim)));
      std::vector<std::byte> v(k.size());
      std::vector<double> low(static_cast<size_t>(dim), 1e9), high(static_cast<size_t>(dim), -1e9);
      for (int slot = 0; slot < kPageTokens; ++slot) {
        std::vector<float> key = values(dim, 3.0f);
        // Exact in every type, with a dimension that is far off and one that is constant.
        for (float& x : key) x = std::round(x * 8) / 8;
        key[0] += 64;
        key[1] = -2.5f;
        kernels().kv_append({.type = type,
                             .head_dim = dim,
                             .k = key.data(),
                             .v = key.data(),
                             .k_out = k.data(),
                             .v_out = v.data(),
                             .slot = slot});
        const double step = type == KvType::kBF16 ? 0.25 : 1e-9;  // 8 bits from 64 on
        for (size_t d = 0; d < key.size(); ++d) {
          const double stored = d == 0 ? std::nearbyint(key[d] / step) * step : key[d];
          low[d] = std::min(low[d], stored);
          high[d] = std::max(high[d], stored);
        }
      }
      std::vector<std::byte> summary(static_cast<size_t>(page_summary_bytes(dim)));
      kernels().page_summary({.type = type, .head_dim = dim, .k = k.data(), .out = summary.data()});
      for (int d = 0; d < dim; ++d) {
        const auto i = static_cast<size_t>(d);
        const double slack = d == 0 && type == KvType::kBF16 ? 0.5 : 0;
        EXPECT_NEAR(half(summary.data(), d), (low[i] + high[i]) / 2,
                    0x1p-10 * std::abs(low[i] + high[i]) + slack);
        const double width = (high[i] - low[i]) / (4 * std::sqrt(2.0));
        EXPECT_NEAR(half(summary.data(), dim + d), width, 0x1p-10 * width + slack);
      }
    }
  }
}

TEST_P(PageSelect, HugeKeysGiveFiniteSummaries) {
  constexpr int kDim = 16;
  std::vector<std::byte> k(static_cast<size_t>(kv_head_bytes(KvType::kF32, kDim)));
  std::vector<std::byte> v(k.size());
  for (int slot = 0; slot < kPageTokens; ++slot) {
    const std::vector<float> key(kDim, slot % 2 == 0 ? 3e38f : -3e38f);
    kernels().kv_append({.type = KvType::kF32,
                         .head_dim = kDim,
                         .k = key.data(),
                         .v = key.data(),
                         .k_out = k.data(),
                         .v_out = v.data(),
                         .slot = slot});
  }
  std::vector<std::byte> summary(static_cast<size_t>(page_summary_bytes(kDim)));
  kernels().page_summary({.type = KvType::kF32, .head_dim = kDim, .k = k.data(), .out = summary.data()});
  for (int i = 0; i < kDim; ++i) {
    EXPECT_EQ(half(summary.data(), i), 0);
    EXPECT_EQ(half(summary.data(), kDim + i), 65504);
  }
}

// Pages of equal keys weigh what q . k says.
TEST_P(PageSelect, IntegerKeysAndQueriesWeighAsTheirFloats) {
  for (const KvType type : {KvType::kQ16, KvType::kQ8, KvType::kQ4}) {
    for (const int dim : {16, 48, 64, 128}) {
      constexpr int kPages = 5;
      std::vector<std::vector<float>> keys;
      std::vector<std::vector<std::byte>> summaries;
      std::vector<const std::byte*> pointers;
      for (int page = 0; page < kPages; ++page) {
        keys.push_back(values(dim));
        std::vector<std::byte> k(static_cast<size_t>(kv_head_bytes(type, dim)));
        std::vector<std::byte> v(k.size());
        for (int slot = 0; slot < kPageTokens; ++slot) {
          kernels().kv_append({.type = type,
                               .head_dim = dim,
                               .k = keys.back().data(),
                               .v = keys.back().data(),
                               .k_out = k.data(),
                               .v_out = v.data(),
                               .slot = slot});
        }
        auto& summary = summaries.emplace_back(static_cast<size_t>(page_summary_bytes(dim)));
        kernels().page_summary({.type = type, .head_dim = dim, .k = k.data(), .out = summary.data()});
        for (int d = 0; d < dim; ++d) EXPECT_EQ(half(summary.data(), dim + d), 0);
      }
      for (const auto& summary : summaries) pointers.push_back(summary.data());
      const std::vector<float> q = values(dim);
      std::vector<float> query = q;
      kernels().attend_query(type, dim, query.data());
      const float scale = 1 / std::sqrt(static_cast<float>(dim));
      const float kept_max = 0;
      const float kept_sum = 32;
      float kept_weight = 0;
      std::vector<float> weights(static_cast<size_t>(padded_pages(kPages)));
      std::vector<float> scratch(static_cast<size_t>(page_weight_scratch(dim, 1, kPages)));
      kernels().page_weights({.type = type,
                              .head_dim = dim,
                              .scale = scale,
                              .softcap = 0,
                              .summaries = pointers.data(),
                              .page_count = kPages,
                              .q = query.data(),
                              .heads = 1,
                              .kept_max = &kept_max,
                              .kept_sum = &kept_sum,
                              .scratch = scratch.data(),
                              .weights = weights.data(),
                              .kept_weight = &kept_weight});
      // Half a step of 1 / 7, 1 / 127 of the largest key, in each of dim dimensions, q and scale of size 1.
      const double tolerance = type == KvType::kQ4 ? 0.6 : type == KvType::kQ8 ? 0.04 : 0.01;
      for (int page = 0; page < kPages; ++page) {
        double score = 0;
        for (int d = 0; d < dim; ++d)
          score +=
              double{q[static_cast<size_t>(d)]} * keys[static_cast<size_t>(page)][static_cast<size_t>(d)];
        EXPECT_NEAR(std::log(weights[static_cast<size_t>(page)] / kept_weight), score * scale, tolerance)
            << dim << " " << page;
      }
    }
  }
}

struct Weighed {
  std::vector<float> weights;
  float kept_weight = 0;
};

TEST_P(PageSelect, WeightsAreTheExpectedShares) {
  for (const int dim : {16, 64, 80, 128}) {
    for (const int heads : {1, 2, 3, 4, 7, 9}) {
      for (const int pages : {1, 5, 16, 33}) {
        const float softcap = pages == 5 ? 6.0f : 0.0f;
        std::vector<std::vector<std::byte>> summaries;
        std::vector<const std::byte*> pointers;
        for (int page = 0; page < pages; ++page) {
          std::vector<std::byte> k(static_cast<size_t>(kv_head_bytes(KvType::kF32, dim)));
          std::vector<std::byte> v(k.size());
          const std::vector<float> centre = values(dim);
          for (int slot = 0; slot < kPageTokens; ++slot) {
            std::vector<float> key = values(dim, 0.5f);
            for (size_t d = 0; d < key.size(); ++d) key[d] += centre[d];
            kernels().kv_append({.type = KvType::kF32,
                                 .head_dim = dim,
                                 .k = key.data(),
                                 .v = key.data(),
                                 .k_out = k.data(),
                                 .v_out = v.data(),
                                 .slot = slot});
          }
          auto& summary = summaries.emplace_back(static_cast<size_t>(page_summary_bytes(dim)));
          kernels().page_summary(
              {.type = KvType::kF32, .head_dim = dim, .k = k.data(), .out = summary.data()});
        }
        for (const auto& summary : summaries) pointers.push_back(summary.data());
        const std::vector<float> q = values(heads * dim);
        const std::vector<float> kept_max = values(heads, 2.0f);
        const std::vector<float> kept_sum(static_cast<size_t>(heads), 40.0f);
        const float scale = 1 / std::sqrt(static_cast<float>(dim));
        std::vector<float> scratch(static_cast<size_t>(page_weight_scratch(dim, heads, pages)),
                                   std::nanf(""));
        Weighed found{.weights = std::vector<float>(static_cast<size_t>(padded_pages(pages)), std::nanf(""))};
        kernels().page_weights({.type = KvType::kF32,
                                .head_dim = dim,
                                .scale = scale,
                                .softcap = softcap,
                                .summaries = pointers.data(),
                                .page_count = pages,
                                .q = q.data(),
                                .heads = heads,
                                .kept_max = kept_max.data(),
                                .kept_sum = kept_sum.data(),
                                .scratch = scratch.data(),
                                .weights = found.weights.data(),
                                .kept_weight = &found.kept_weight});
        std::vector<double> expected(static_cast<size_t>(pages));
        double kept = 0;
        for (int head = 0; head < heads; ++head) {
          const auto h = static_cast<size_t>(head);
          std::vector<double> sums;
          double total = kept_sum[h] * std::exp(double{kept_max[h]});
          for (int page = 0; page < pages; ++page) {
            double log = 0;
            for (int d = 0; d < dim; ++d) {
              const double value = double{q[static_cast<size_t>(head * dim + d)]} * scale;
              log += value * half(pointers[static_cast<size_t>(page)], d) +
                     std::pow(value * half(pointers[static_cast<size_t>(page)], dim + d), 2);
            }
            if (softcap > 0) log = softcap * std::tanh(log / softcap);
            sums.push_back(kPageTokens * std::exp(log));
            total += sums.back();
          }
          for (size_t page = 0; page < sums.size(); ++page) expected[page] += sums[page] / total / heads;
          kept += kept_sum[h] * std::exp(double{kept_max[h]}) / total / heads;
        }
        EXPECT_NEAR(found.kept_weight, kept, 2e-5 * kept);
        for (size_t i = 0; i < found.weights.size(); ++i) {
          const double want = i < expected.size() ? expected[i] : 0;
          ASSERT_NEAR(found.weights[i], want, 2e-5 * want) << dim << " " << heads << " " << pages << " " << i;
        }
      }
    }
  }
}

TEST_P(PageSelect, ThresholdsTakeNoMoreThanNeeded) {
  for (const int pages : {1, 15, 16, 100}) {
    std::vector<float> weights(static_cast<size_t>(padded_pages(pages)));
    std::uniform_real_distribution<float> uniform(0.0f, 2.0f / static_cast<float>(pages));
    double total = 0;
    for (int i = 0; i < pages; ++i) {
      weights[static_cast<size_t>(i)] = i % 7 == 3 ? 0 : uniform(random_);
      total += weights[static_cast<size_t>(i)];
    }
    const auto threshold = [&](float weight, int count) {
      return kernels().page_threshold(
          {.weights = weights.data(), .page_count = pages, .weight = weight, .count = count});
    };
    for (const double share : {0.01, 0.5, 0.9, 0.999}) {
      const float wanted = static_cast<float>(share * total);
      const float found = threshold(wanted, 0);
      double with = 0;
      double without = 0;
      for (int i = 0; i < pages; ++i) {
        const float weight = weights[static_cast<size_t>(i)];
        if (weight >= found) with += weight;
        if (weight > found) without += weight;
      }
      EXPECT_GE(with, wanted * (1 - 1e-5));
      EXPECT_LT(without, wanted * (1 + 1e-5));
    }
    for (const int count : {1, 3, pages}) {
      if (count > pages) continue;
      std::vector<float> sorted(weights.begin(), weights.begin() + pages);
      std::ranges::sort(sorted, std::greater<>());
      EXPECT_EQ(threshold(0, count), sorted[static_cast<size_t>(count - 1)]);
    }
    EXPECT_EQ(threshold(static_cast<float>(total * 2), 0), 0);
  }
}

std::vector<const Kernels*> runnable() {
  std::vector<const Kernels*> tables;
  for (const Kernels* table : all_kernels()) {
    if (is_runnable(*table)) tables.push_back(table);
  }
  return tables;
}
INSTANTIATE_TEST_SUITE_P(Isa, PageSelect, testing::ValuesIn(runnable()),
                         [](const auto& info) { return std::string(info.param->isa); });

}  // namespace
}  // namespace pingti
