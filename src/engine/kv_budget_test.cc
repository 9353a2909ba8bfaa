#include "engine/kv_budget.h"

#include <gtest/gtest.h>

#include "kernels/attention.h"

namespace pingti {
namespace {

constexpr int64_t kMiB = 1 << 20;
constexpr int64_t kPageBytes = 32 * 1024;  // 1 KiB per token

KvBudgetInput one_group(int64_t memory, const std::vector<KvGroup>& groups) {
  return {
      .groups = groups, .trained_context = 8192, .max_sequences = 4, .prefill_chunk = 512, .memory = memory};
}

TEST(KvBudget, PlentyOfMemoryGivesEverySequenceItsWholeContext) {
  const std::vector<KvGroup> groups = {{.page_bytes = kPageBytes}};
  const auto budget = plan_kv(one_group(1024 * kMiB, groups));
  ASSERT_TRUE(budget);
  EXPECT_EQ(budget->context, 8192);
  EXPECT_EQ(budget->tokens, 4 * 8192);
  EXPECT_EQ(budget->groups[0].page_count, 4 * 8192 / kPageTokens);
}

TEST(KvBudget, LittleMemoryShortensFirstThePoolThenTheContext) {
  const std::vector<KvGroup> groups = {{.page_bytes = kPageBytes}};
  auto budget = plan_kv(one_group(40 * kMiB, groups));
  ASSERT_TRUE(budget);
  EXPECT_EQ(budget->context, 8192);
  EXPECT_EQ(budget->tokens, 20 * 1024);
  budget = plan_kv(one_group(5 * kMiB, groups));
  ASSERT_TRUE(budget);
  EXPECT_EQ(budget->context, 4096);
  EXPECT_EQ(budget->tokens, 4096);
}

TEST(KvBudget, ExactMemoryIsUsedWholeAndNeverPassed) {
  const std::vector<KvGroup> groups = {{.page_bytes = kPageBytes},
                                       {.window = 512, .page_bytes = 4 * kPageBytes}};
  KvBudgetInput input = one_group(0, groups);
  input.exact = true;
  const auto bytes = [](const KvBudget& budget) {
    int64_t sum = 0;
    for (const KvGroupShape& group : budget.groups) sum += group.page_bytes * group.page_count;
    return sum;
  };
  for (int64_t mib = 2; mib < 60; ++mib) {
    input.memory = mib * kMiB + 12345;
    const auto budget = plan_kv(input);
    ASSERT_TRUE(budget) << mib;
    EXPECT_LE(bytes(*budget), input.memory);
    EXPECT_EQ(bytes(*budget), kv_pool_bytes(input, budget->tokens));
    EXPECT_TRUE(budget->tokens == 4 * 8192 || bytes(*budget) + 5 * kPageBytes > input.memory) << mib;
    auto space = KvSpace::create(budget->groups, kPageTokens, true);
    ASSERT_TRUE(space);
    EXPECT_GE(space->max_positions(512), budget->context);
  }
  input.memory = kMiB;
  EXPECT_EQ(plan_kv(input).error().code, "engine.memory");
  input.wanted_context = 4096;
  input.memory = kv_pool_bytes(input, 4096);
  EXPECT_EQ(plan_kv(input)->context, 4096);
  --input.memory;
  EXPECT_EQ(plan_kv(input).error().code, "engine.memory");
}

TEST(KvBudget, WindowsNeedNoMoreThanTheyKeep) {
  const std::vector<KvGroup> groups = {{.page_bytes = kPageBytes},
                                       {.window = 512, .page_bytes = 4 * kPageBytes}};
  const auto budget = plan_kv(one_group(1024 * kMiB, groups));
  ASSERT_TRUE(budget);
  EXPECT_EQ(budget->groups[0].page_count, 4 * 8192 / kPageTokens);
  EXPECT_EQ(budget->groups[1].page_count, 2 * 4 * ((512 + 512) / kPageTokens + 1));
  EXPECT_EQ(budget->groups[1].window, 512);
  auto space = KvSpace::create(budget->groups, kPageTokens, true);
  ASSERT_TRUE(space);
  EXPECT_GE(space->max_positions(512), budget->context);
}

TEST(KvBudget, SinksAreKeptBesideTheWindow) {
  const std::vector<KvGroup> groups = {{.window = 512, .sinks = 40, .page_bytes = kPageBytes}};
  const auto budget = plan_kv(one_group(1024 * kMiB, groups));
  ASSERT_TRUE(budget);
  EXPECT_EQ(budget->context, 8192);
  EXPECT_EQ(budget->groups[0].page_count, 2 * 4 * ((512 + 512) / kPageTokens + 1 + 2));
  EXPECT_EQ(budget->groups[0].sinks, 40);
  auto space = KvSpace::create(budget->groups, kPageTokens, true);
  ASSERT_TRUE(space);
  EXPECT_GE(space->max_positions(512), budget->context);
}

TEST(KvBudget, AWantedContextIsTakenOrRefused) {
  const std::vector<KvGroup> groups = {{.page_bytes = kPageBytes}};
  auto input = one_group(1024 * kMiB, groups);
  input.wanted_context = 1000;
  EXPECT_EQ(plan_kv(input)->context, 1000);
  EXPECT_EQ(plan_kv(input)->groups[0].page_count, 125);
  input.wanted_context = 8193;
  EXPECT_EQ(plan_kv(input).error().code, "engine.trained_context");
  input = one_group(5 * kMiB, groups);
  input.wanted_context = 8192;
  EXPECT_EQ(plan_kv(input).error().code, "engine.memory");
  EXPECT_EQ(plan_kv(one_group(1000, groups)).error().code, "engine.memory");
}

TEST(KvBudget, OneContextAlwaysFitsWhateverTheWindowsAndMemory) {
  for (const int window : {0, 1, 100, 512, 5000}) {
    for (const int chunk : {1, 7, 512}) {
      for (int64_t memory = kMiB; memory < 400 * kMiB; memory *= 3) {
        const std::vector<KvGroup> groups = {{.window = window, .page_bytes = kPageBytes},
                                             {.window = 300, .page_bytes = kPageBytes}};
        auto input = one_group(memory, groups);
        input.prefill_chunk = chunk;
        const auto budget = plan_kv(input);
        if (!budget) continue;
        auto space = KvSpace::create(budget->groups, kPageTokens, true);
        ASSERT_TRUE(space);
        EXPECT_GE(space->max_positions(chunk), budget->context) << window << " " << chunk << " " << memory;
      }
    }
  }
}

}  // namespace
}  // namespace pingti
