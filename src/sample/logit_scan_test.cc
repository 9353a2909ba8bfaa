#include "sample/logit_scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace pingti {
namespace {

constexpr float kNone = -std::numeric_limits<float>::infinity();

std::vector<float> random_logits(size_t count) {
  std::mt19937 random(11);
  std::normal_distribution<float> normal(0, 4);
  std::vector<float> logits(count);
  for (float& logit : logits) logit = normal(random);
  return logits;
}

double weight(float logit, float max, float temperature) {
  return std::isnan(logit) ? 0 : std::exp((double{logit} - max) / temperature);
}

// Sums of every instruction set, whole and by block, against double arithmetic.
TEST(LogitScan, SumsAreRightOnEveryInstructionSet) {
  for (const Kernels* kernels : all_kernels()) {
    if (!is_runnable(*kernels)) continue;
    LogitScan scan(*kernels);
    for (const size_t count : {1u, 15u, 128u, 1023u, 1024u, 1025u, 20000u}) {
      auto logits = random_logits(count);
      if (count > 1000) {
        logits[3] = kNone;
        logits[700] = std::nanf("");
      }
      if (count > 10000) std::fill(logits.begin() + 4096, logits.begin() + 6144, kNone);
      for (const float temperature : {1.0f, 0.7f, 1.5f, 0.01f}) {
        SCOPED_TRACE(testing::Message() << kernels->isa << ", " << count << " at " << temperature);
        scan.scan(logits);
        const double total = scan.sum_exp(temperature);
        ASSERT_EQ(scan.block_sums().size(), (count + LogitScan::kSumBlock - 1) / LogitScan::kSumBlock);
        double all = 0;
        for (size_t block = 0; block < scan.block_sums().size(); ++block) {
          double want = 0;
          const size_t end = std::min((block + 1) * LogitScan::kSumBlock, count);
          for (size_t i = block * LogitScan::kSumBlock; i < end; ++i)
            want += weight(logits[i], scan.max(), temperature);
          EXPECT_NEAR(scan.block_sums()[block], want, want * 1e-5 + 1e-35) << "block " << block;
          all += want;
        }
        EXPECT_NEAR(total, all, all * 1e-5);
      }
    }
  }
}

TEST(LogitScan, FindsTheLargestInOrder) {
  LogitScan scan(*all_kernels().back());
  const auto logits = random_logits(5000);
  scan.scan(logits);
  std::vector<Candidate> found;
  scan.largest(50, found);
  ASSERT_EQ(found.size(), 50u);
  EXPECT_EQ(found[0].logit, scan.max());
  EXPECT_EQ(found[0].token, scan.argmax());
  EXPECT_TRUE(std::ranges::is_sorted(found, likelier));
  std::vector<Candidate> above;
  scan.at_least(found.back().logit, above);
  EXPECT_EQ(above.size(), 50u);
}

}  // namespace
}  // namespace pingti
