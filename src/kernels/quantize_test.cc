#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <span>

#include "kernels/linear_test_util.h"

namespace pingti {
namespace {

std::vector<float> normal_values(int64_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, 3.0f);
  std::vector<float> x(static_cast<size_t>(count));
  for (float& value : x) value = normal(random);
  return x;
}

int64_t blocks_for(int64_t count) { return (count + kActivationBlock - 1) / kActivationBlock; }

TEST(QuantizeTest, RoundsToTheNearestOf127Steps) {
  for (const Kernels* kernels : runnable_kernels()) {
    for (int scale_block : {32, 256}) {
      for (int64_t count : {1, 31, 32, 33, 64, 256, 300, 576, 1536}) {
        const std::vector<float> x = normal_values(count, static_cast<uint32_t>(count));
        AlignedVector<ActivationBlock> blocks(static_cast<size_t>(blocks_for(count)));
        kernels->quantize(x.data(), count, scale_block, blocks.data());
        for (int64_t i = 0; i < blocks_for(count) * kActivationBlock; ++i) {
          const ActivationBlock& b = blocks[static_cast<size_t>(i / kActivationBlock)];
          const int64_t begin = i / scale_block * scale_block;
          float peak = 0;
          for (int64_t k = begin; k < std::min(begin + scale_block, count); ++k) {
            peak = std::max(peak, std::fabs(x[static_cast<size_t>(k)]));
          }
          ASSERT_FLOAT_EQ(b.scale, peak / 127.0f);
          ASSERT_EQ(b.scale_block, scale_block);
          const int q = b.q[i % kActivationBlock];
          const float value = i < count ? x[static_cast<size_t>(i)] : 0.0f;
          ASSERT_NEAR(q * b.scale, value, b.scale * 0.50001f) << kernels->isa << " at " << i;
        }
      }
    }
  }
}

TEST(QuantizeTest, SumsAreThoseOfTheIntegers) {
  const std::vector<float> x = normal_values(608, 3);
  for (const Kernels* kernels : runnable_kernels()) {
    for (int scale_block : {32, 256}) {
      AlignedVector<ActivationBlock> blocks(19);
      kernels->quantize(x.data(), 608, scale_block, blocks.data());
      std::vector<int> sums;
      for (size_t b = 0; b < blocks.size(); ++b) {
        int lo = 0, hi = 0;
        for (int k = 0; k < 16; ++k) lo += blocks[b].q[k], hi += blocks[b].q[k + 16];
        sums.push_back(lo + hi);
        EXPECT_EQ(blocks[b].neg_sum, -(lo + hi));
        EXPECT_EQ(blocks[b].neg_sum_lo, -lo);
        EXPECT_EQ(blocks[b].neg_sum_hi, -hi);
        EXPECT_EQ(blocks[b].half_sums[0], lo);
        EXPECT_EQ(blocks[b].half_sums[1], hi);
        EXPECT_EQ(blocks[b].scaled_sum, blocks[b].scale * static_cast<float>(lo + hi));
      }
      for (size_t b = 0; b < blocks.size(); ++b) {
        const bool pairs = scale_block == 256 && b % 2 == 0;
        EXPECT_EQ(blocks[b].pair_sums[0], pairs ? sums[b] : 0) << b;
        EXPECT_EQ(blocks[b].pair_sums[1], pairs && b + 1 < sums.size() ? sums[b + 1] : 0) << b;
      }
    }
  }
}

TEST(QuantizeTest, AllInstructionSetsAgree) {
  std::vector<float> x = normal_values(2000, 5);
  x[3] = std::numeric_limits<float>::quiet_NaN();
  x[300] = std::numeric_limits<float>::infinity();
  std::fill(x.begin() + 512, x.begin() + 800, 0.0f);
  std::fill(x.begin() + 1024, x.begin() + 1280, 1e-38f);
  x[1400] = 1e37f;
  for (int scale_block : {32, 256}) {
    AlignedVector<ActivationBlock> want(63);
    all_kernels().back()->quantize(x.data(), 2000, scale_block, want.data());
    for (const Kernels* kernels : runnable_kernels()) {
      AlignedVector<ActivationBlock> got(63);
      kernels->quantize(x.data(), 2000, scale_block, got.data());
      for (size_t b = 0; b < 63; ++b) {
        if (b == 9 || (scale_block == 256 && b / 8 == 1)) {  // infinity: the scale tells, the product is NaN
          EXPECT_TRUE(std::isinf(got[b].scale) && std::isnan(got[b].scaled_sum)) << kernels->isa << b;
          continue;
        }
        ASSERT_TRUE(
            std::ranges::equal(std::as_bytes(std::span(&got[b], 1)), std::as_bytes(std::span(&want[b], 1))))
            << kernels->isa << " block " << b;
      }
    }
  }
}

TEST(QuantizeTest, TiesGoToEvenAndTheLargestNumbersFit) {
  constexpr float kMost = std::numeric_limits<float>::max();
  std::vector<float> ties(64);
  for (size_t i = 0; i < ties.size(); ++i) ties[i] = static_cast<float>(i) - 31.5f;
  ties[5] = 127.0f;
  ties[40] = -127.0f;
  std::vector<float> largest(64, kMost);
  for (size_t i = 0; i < largest.size(); i += 3) largest[i] = -kMost;
  for (const Kernels* kernels : runnable_kernels()) {
    AlignedVector<ActivationBlock> blocks(2);
    kernels->quantize(ties.data(), 64, 32, blocks.data());
    for (size_t i = 0; i < ties.size(); ++i) {
      ASSERT_EQ(blocks[i / 32].q[i % 32], std::nearbyint(ties[i])) << kernels->isa << " at " << i;
    }
    kernels->quantize(largest.data(), 64, 32, blocks.data());
    for (size_t i = 0; i < largest.size(); ++i) {
      ASSERT_EQ(blocks[i / 32].q[i % 32], largest[i] < 0 ? -127 : 127) << kernels->isa << " at " << i;
      ASSERT_EQ(blocks[i / 32].scale, kMost / 127.0f);
    }
  }
}

}  // namespace
}  // namespace pingti
