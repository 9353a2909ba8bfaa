#include "engine/prefill_pacer.h"

#include <gtest/gtest.h>

namespace pingti {
namespace {

TEST(PrefillPacer, TheFirstStepOnlyMeasures) {
  EXPECT_EQ(PrefillPacer(512).rows(PrefillPacer::kStepSeconds), PrefillPacer::kLeastRows);
  EXPECT_EQ(PrefillPacer(512).rows(PrefillPacer::kPauseSeconds), PrefillPacer::kLeastRows);
  EXPECT_EQ(PrefillPacer(8).rows(PrefillPacer::kStepSeconds), 8) << "never more than the chunk";
}

TEST(PrefillPacer, RowsFillThePauseOrTheStepAtTheMeasuredSpeed) {
  PrefillPacer pacer(4096);
  pacer.measured(100, 0.25);  // 2.5 ms a row
  EXPECT_EQ(pacer.rows(PrefillPacer::kPauseSeconds), 100);
  EXPECT_EQ(pacer.rows(PrefillPacer::kStepSeconds), 2000);
}

TEST(PrefillPacer, StaysBetweenTheLeastRowsAndTheChunk) {
  PrefillPacer slow(512);
  slow.measured(32, 320);
  EXPECT_EQ(slow.rows(PrefillPacer::kPauseSeconds), PrefillPacer::kLeastRows);
  EXPECT_EQ(slow.rows(PrefillPacer::kStepSeconds), PrefillPacer::kLeastRows);
  PrefillPacer fast(512);
  fast.measured(32, 1e-6);
  EXPECT_EQ(fast.rows(PrefillPacer::kPauseSeconds), 512);
  EXPECT_EQ(fast.rows(PrefillPacer::kStepSeconds), 512);
}

TEST(PrefillPacer, FollowsTheSpeedAndIgnoresStepsTooSmallToTell) {
  PrefillPacer pacer(4096);
  pacer.measured(100, 0.25);
  pacer.measured(1, 100);
  EXPECT_EQ(pacer.rows(PrefillPacer::kPauseSeconds), 100);
  for (int step = 0; step < 60; ++step) pacer.measured(100, 0.5);
  EXPECT_NEAR(pacer.rows(PrefillPacer::kPauseSeconds), 50, 1);
}

TEST(PrefillPacer, TellsWhatAStepCostsFromWhatARowCosts) {
  PrefillPacer pacer(4096);
  for (int step = 0; step < 30; ++step) {
    for (const int rows : {50, 100, 200}) pacer.measured(rows, 0.05 + 0.002 * rows);
  }
  EXPECT_NEAR(pacer.cost().fixed, 0.05, 1e-9);
  EXPECT_NEAR(pacer.cost().per_row, 0.002, 1e-9);
  EXPECT_NEAR(pacer.rows(PrefillPacer::kPauseSeconds), 100, 1);
  const PrefillCost cost = pacer.cost();
  EXPECT_NEAR(cost.seconds(cost.rows), 0.05 + 0.002 * cost.rows, 1e-6) << "one step";
  EXPECT_NEAR(cost.seconds(10.0 * cost.rows), 10 * cost.seconds(cost.rows), 1e-6);
}

TEST(PrefillPacer, NoiseMakesNoRowCheap) {
  PrefillPacer pacer(4096);
  for (int step = 0; step < 30; ++step) {
    pacer.measured(50, 0.3);
    pacer.measured(100, 0.3);
  }
  EXPECT_GE(pacer.cost().per_row, 0.25 * 0.3 / 100);
  EXPECT_LE(pacer.rows(PrefillPacer::kPauseSeconds), 100);
}

TEST(PrefillPacer, KnowsNothingBeforeTheFirstStep) { EXPECT_FALSE(PrefillPacer(512).cost().known()); }

}  // namespace
}  // namespace pingti
