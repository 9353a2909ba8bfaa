#include "engine/speculation/step_cost.h"

#include <gtest/gtest.h>

#include "engine/speculation/draft_share.h"

namespace pingti {
namespace {

TEST(StepCost, KnowsNothingBeforeTheFirstStep) {
  StepCost cost;
  EXPECT_EQ(cost.seconds(1), 0);
  EXPECT_EQ(cost.seconds(64), 0);
}

TEST(StepCost, LiesOnALineBetweenMeasuredRowsAndGoesOnAsPromptsDo) {
  StepCost cost;
  cost.assume_row(0.004);
  cost.measured(1, 0.020);
  EXPECT_NEAR(cost.seconds(11), 0.060, 1e-9);
  cost.measured(9, 0.036);
  EXPECT_NEAR(cost.seconds(5), 0.028, 1e-9);
  EXPECT_NEAR(cost.seconds(10), 0.040, 1e-9);
  EXPECT_EQ(cost.seconds(1000), cost.seconds(StepCost::kMostRows));
}

TEST(StepCost, MoreRowsNeverTakeLess) {
  StepCost cost;
  cost.measured(4, 0.080);  // a cold start
  cost.measured(1, 0.070);
  cost.measured(8, 0.030);
  EXPECT_LE(cost.seconds(1), cost.seconds(4));
  EXPECT_LE(cost.seconds(4), cost.seconds(8));
  EXPECT_NEAR(cost.seconds(8), 0.030, 1e-3);
}

TEST(StepCost, OneDisturbedStepChangesLittleManyChangeAll) {
  StepCost cost;
  for (int i = 0; i < 20; ++i) {
    cost.measured(1, 0.010);
    cost.measured(4, 0.012);
  }
  cost.measured(1, 1.0);
  EXPECT_LT(cost.seconds(1), 0.013);
  EXPECT_LE(cost.seconds(1), cost.seconds(4));
  for (int i = 0; i < 60; ++i) cost.measured(1, 0.030);
  EXPECT_NEAR(cost.seconds(1), 0.030, 0.002);
  EXPECT_NEAR(cost.seconds(4), cost.seconds(1), 1e-9);
}

DraftChances geometric(double rate, int count) {
  DraftChances chances;
  double all = 1;
  for (int i = 0; i < count; ++i) chances.push_back(all *= rate);
  return chances;
}

StepCost curve(double first, double row, int free_rows) {
  StepCost cost;
  for (int rows = 1; rows <= StepCost::kMostRows; ++rows)
    cost.measured(rows, first + row * std::max(0, rows - free_rows));
  return cost;
}

TEST(DraftShare, TakesNothingWhenTheCostIsUnknownOrProportional) {
  const std::vector<DraftChances> drafts = {geometric(0.9, 8)};
  EXPECT_EQ(share_draft_rows(drafts, 1, 64, StepCost()).tokens[0], 0);
  const auto share = share_draft_rows(drafts, 1, 64, curve(1, 1, 1));
  EXPECT_EQ(share.tokens[0], 0);
  EXPECT_EQ(share.gain, 1);
}

TEST(DraftShare, FindsTheLengthWithTheBestRate) {
  const StepCost cost = curve(20, 5, 4);
  for (const double rate : {0.3, 0.6, 0.8, 0.95}) {
    const std::vector<DraftChances> drafts = {geometric(rate, 32)};
    double best = 1 / cost.seconds(1);
    int want = 0;
    double expected = 1;
    for (int k = 1; k <= 32; ++k) {
      expected += drafts[0][static_cast<size_t>(k - 1)];
      if (expected / cost.seconds(1 + k) > best) {
        best = expected / cost.seconds(1 + k);
        want = k;
      }
    }
    const auto share = share_draft_rows(drafts, 1, 64, cost);
    EXPECT_EQ(share.tokens[0], want) << rate;
    EXPECT_NEAR(share.gain, best * cost.seconds(1), 1e-9);
  }
}

TEST(DraftShare, LikelyDraftsComeFirstAndLoadShrinksAll) {
  const std::vector<DraftChances> drafts = {geometric(0.5, 16), geometric(0.95, 16)};
  const StepCost cost = curve(20, 2, 4);
  const auto two = share_draft_rows(drafts, 2, 64, cost).tokens;
  EXPECT_GT(two[1], two[0]);
  const auto loaded = share_draft_rows(drafts, 24, 64, cost).tokens;
  EXPECT_LT(loaded[0] + loaded[1], two[0] + two[1]);
  const auto bounded = share_draft_rows(drafts, 2, 3, cost).tokens;
  EXPECT_EQ(bounded[0] + bounded[1], 3);
}

TEST(DraftShare, DraftingTimeCounts) {
  const std::vector<DraftChances> drafts = {geometric(0.8, 16)};
  const StepCost cost = curve(20, 1, 4);
  const int free = share_draft_rows(drafts, 1, 64, cost).tokens[0];
  const int cheap = share_draft_rows(drafts, 1, 64, cost, 3).tokens[0];
  EXPECT_LT(cheap, free);
  EXPECT_GT(cheap, 0);
  EXPECT_EQ(share_draft_rows(drafts, 1, 64, cost, 20).tokens[0], 0);
}

}  // namespace
}  // namespace pingti
