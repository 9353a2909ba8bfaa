#include "engine/prefill_pacer.h"

#include <gtest/gtest.h>

namespace pingti {
namespace {

TEST(PrefillPacer, TheFirstStepOnlyMeasures) {
  EXPECT_EQ(PrefillPacer(512).rows(false), PrefillPacer::kLeastRows);
  EXPECT_EQ(PrefillPacer(512).rows(true), PrefillPacer::kLeastRows);
  EXPECT_EQ(PrefillPacer(8).rows(false), 8) << "never more than the chunk";
}

TEST(PrefillPacer, RowsFillThePauseOrTheStepAtTheMeasuredSpeed) {
  PrefillPacer pacer(4096);
  pacer.measured(100, 0.25);  // 2.5 ms a row
  EXPECT_EQ(pacer.rows(true), 100);
  EXPECT_EQ(pacer.rows(false), 2000);
}

TEST(PrefillPacer, StaysBetweenTheLeastRowsAndTheChunk) {
  PrefillPacer slow(512);
  slow.measured(32, 320);
  EXPECT_EQ(slow.rows(true), PrefillPacer::kLeastRows);
  EXPECT_EQ(slow.rows(false), PrefillPacer::kLeastRows);
  PrefillPacer fast(512);
  fast.measured(32, 1e-6);
  EXPECT_EQ(fast.rows(true), 512);
  EXPECT_EQ(fast.rows(false), 512);
}

TEST(PrefillPacer, FollowsTheSpeedAndIgnoresStepsTooSmallToTell) {
  PrefillPacer pacer(4096);
  pacer.measured(100, 0.25);
  pacer.measured(1, 100);
  EXPECT_EQ(pacer.rows(true), 100);
  for (int step = 0; step < 60; ++step) pacer.measured(100, 0.5);
  EXPECT_NEAR(pacer.rows(true), 50, 1);
}

}  // namespace
}  // namespace pingti
