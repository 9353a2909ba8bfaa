#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "engine/lanes/answer_lengths.h"
#include "engine/lanes/backlog.h"
#include "engine/lanes/lane_settings.h"
#include "engine/lanes/row_shares.h"
#include "engine/lanes/slot_shares.h"

namespace pingti {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(LaneSettings, GradesByTokensUpToEachLimit) {
  const LaneSettings lanes;
  EXPECT_EQ(lanes.lane_of(1), 0);
  EXPECT_EQ(lanes.lane_of(1024), 0);
  EXPECT_EQ(lanes.lane_of(1025), 1);
  EXPECT_EQ(lanes.lane_of(8192), 1);
  EXPECT_EQ(lanes.lane_of(8193), 2);
  EXPECT_DOUBLE_EQ(lanes.share_of(0), 0.6);
}

TEST(LaneSettings, AreReadFromTheOptions) {
  EngineOptions options;
  options.lane_limits = "100,200";
  options.lane_shares = "2,1.5,0.5";
  options.lane_queues = "7,8,9";
  options.lane_ageing = 5;
  const auto lanes = parse_lanes(options);
  ASSERT_TRUE(lanes) << lanes.error().to_string();
  EXPECT_EQ(lanes->lane_of(100), 0);
  EXPECT_EQ(lanes->lane_of(201), 2);
  EXPECT_DOUBLE_EQ(lanes->share_of(1), 0.375);
  EXPECT_EQ(lanes->lanes[2].queue, 9);
  EXPECT_EQ(lanes->ageing_seconds, 5);
  options.lanes = "off";
  const auto off = parse_lanes(options);
  ASSERT_TRUE(off);
  ASSERT_EQ(off->count(), 1u);
  EXPECT_EQ(off->lane_of(1 << 30), 0);
  EXPECT_EQ(off->lanes[0].queue, 24);
}

TEST(LaneSettings, WrongTextsAreNamed) {
  const auto message = [](auto change) {
    EngineOptions options;
    change(options);
    const auto lanes = parse_lanes(options);
    return lanes ? std::string() : lanes.error().code + ": " + lanes.error().message;
  };
  EXPECT_THAT(message([](auto& o) { o.lanes = "maybe"; }), HasSubstr("lanes is \"maybe\""));
  for (const char* limits : {"", "1", "1,2,3", "5,5", "9,3", "a,b", "1,2x", "0,5", "-1,5", "1,,2"})
    EXPECT_THAT(message([&](auto& o) { o.lane_limits = limits; }), HasSubstr("engine.option: lane-limits"));
  for (const char* shares : {"1,2", "1,0,1", "nan,1,1", "inf,1,1", "1,1,1,1"})
    EXPECT_THAT(message([&](auto& o) { o.lane_shares = shares; }), HasSubstr("lane-shares"));
  EXPECT_THAT(message([](auto& o) { o.lane_queues = "1,2,0"; }), HasSubstr("lane-queues"));
  EXPECT_THAT(message([](auto& o) { o.lane_ageing = 0; }), HasSubstr("lane-ageing"));
}

TEST(RowShares, GiveEachLaneItsShareOfAStep) {
  RowShares shares({60, 20, 20});
  EXPECT_THAT(shares.divide(100, std::vector<int64_t>{1000, 1000, 1000}), ElementsAre(60, 20, 20));
  EXPECT_THAT(shares.divide(100, std::vector<int64_t>{1000, 0, 1000}), ElementsAre(75, 0, 25));
}

TEST(RowShares, WhatALaneDoesNotNeedGoesToTheOthers) {
  RowShares shares({60, 20, 20});
  EXPECT_THAT(shares.divide(100, std::vector<int64_t>{0, 0, 1000}), ElementsAre(0, 0, 100));
  EXPECT_THAT(shares.divide(100, std::vector<int64_t>{10, 0, 1000}), ElementsAre(10, 0, 90));
  EXPECT_THAT(shares.divide(100, std::vector<int64_t>{10, 30, 20}), ElementsAre(10, 30, 20));
  EXPECT_THAT(shares.divide(100, std::vector<int64_t>{0, 0, 0}), ElementsAre(0, 0, 0));
}

TEST(RowShares, StepsOfOneRowTurnToEveryLane) {
  RowShares shares({60, 20, 20});
  std::vector<int> sums(3, 0);
  for (int step = 0; step < 100; ++step) {
    const auto rows = shares.divide(1, std::vector<int64_t>{9, 9, 9});
    EXPECT_EQ(std::accumulate(rows.begin(), rows.end(), 0), 1);
    for (size_t lane = 0; lane < 3; ++lane) sums[lane] += rows[lane];
  }
  EXPECT_THAT(sums, ElementsAre(60, 20, 20));
}

TEST(RowShares, AreExactOverManySteps) {
  RowShares shares({5, 3, 1});
  std::vector<int> sums(3, 0);
  for (int step = 0; step < 900; ++step) {
    const auto rows = shares.divide(7, std::vector<int64_t>{99, 99, 99});
    EXPECT_EQ(std::accumulate(rows.begin(), rows.end(), 0), 7);
    for (size_t lane = 0; lane < 3; ++lane) sums[lane] += rows[lane];
  }
  EXPECT_NEAR(sums[0], 3500, 2);
  EXPECT_NEAR(sums[1], 2100, 2);
  EXPECT_NEAR(sums[2], 700, 2);
}

TEST(SlotShares, TheLaneThatHoldsLeastForItsShareComesFirst) {
  const SlotShares shares({60, 20, 20});
  EXPECT_EQ(shares.next(std::vector<int64_t>{2, 1, 0}, {true, true, true}), 2);
  EXPECT_EQ(shares.next(std::vector<int64_t>{2, 1, 1}, {true, true, true}), 0);
  EXPECT_EQ(shares.next(std::vector<int64_t>{9, 1, 1}, {true, false, false}), 0) << "others want nothing";
  EXPECT_EQ(shares.next(std::vector<int64_t>{0, 0, 0}, {false, false, false}), -1);
}

TEST(SlotShares, OnePlaceTurnsToEveryLane) {
  SlotShares shares({60, 20, 20});
  std::vector<int> given(3, 0);
  const std::vector<bool> all(3, true);
  for (int turn = 0; turn < 50; ++turn) {
    const int lane = shares.next(std::vector<int64_t>{0, 0, 0}, all);
    ++given[static_cast<size_t>(lane)];
    shares.gave(lane, all);
  }
  EXPECT_THAT(given, ElementsAre(30, 10, 10));
}

TEST(SlotShares, ALaneThatAskedForNothingHasSavedUpNoTurns) {
  SlotShares shares({60, 20, 20});
  for (int turn = 0; turn < 50; ++turn) shares.gave(0, {true, false, false});
  int large = 0;
  for (int turn = 0; turn < 10; ++turn) {
    const int lane = shares.next(std::vector<int64_t>{0, 0, 0}, {true, false, true});
    large += lane == 2;
    shares.gave(lane, {true, false, true});
  }
  EXPECT_NEAR(large, 2.5, 1);
}

TEST(AnswerLengths, StartUnknownAndAreCappedByTheRequest) {
  const AnswerLengths lengths;
  EXPECT_EQ(lengths.estimate("a", 10'000), AnswerLengths::kUnknown);
  EXPECT_EQ(lengths.estimate("a", 16), 16);
}

TEST(AnswerLengths, AreAHighQuantileOfTheTenantsOwn) {
  AnswerLengths lengths;
  for (int i = 0; i < 100; ++i) {
    lengths.observe("brief", i % 10 == 0 ? 2000 : 30);
    lengths.observe("long", 1000);
  }
  EXPECT_GE(lengths.estimate("brief", 10'000), 30);
  EXPECT_LT(lengths.estimate("brief", 10'000), 60);
  EXPECT_GE(lengths.estimate("long", 10'000), 1000);
  EXPECT_LT(lengths.estimate("long", 10'000), 1500);
  EXPECT_GE(lengths.estimate("new", 10'000), 1000) << "from everybody's";
}

TEST(AnswerLengths, FollowATenantWhoChanges) {
  AnswerLengths lengths;
  for (int i = 0; i < 1000; ++i) lengths.observe("a", 4000);
  for (int i = 0; i < 200; ++i) lengths.observe("a", 10);
  EXPECT_LT(lengths.estimate("a", 10'000), 20);
}

TEST(AnswerLengths, ForgetTheTenantUnusedLongest) {
  AnswerLengths lengths;
  for (size_t i = 0; i < AnswerLengths::kMostTenants + 100; ++i) lengths.observe(std::to_string(i), 5);
  EXPECT_EQ(lengths.tenants(), AnswerLengths::kMostTenants);
}

class Prediction : public ::testing::Test {
 protected:
  // 100 tokens a second; 4 places, 1 held.
  EnginePace pace{.prefill = {.fixed = 0, .per_row = 0.01, .rows = 64},
                  .choice_seconds = 8,
                  .places = 4,
                  .places_held = 1};
  LaneSettings lanes;
  std::vector<PendingPrompt> pending;

  double seconds(int lane, int64_t tokens, int priority = 0) const {
    return predict_first_token(pending, pace, lanes, lane, priority, tokens);
  }
};

TEST_F(Prediction, AnIdleEngineComputesAtItsFullRate) {
  EXPECT_DOUBLE_EQ(seconds(0, 200), 2);
  EXPECT_DOUBLE_EQ(seconds(2, 200), 2);
  pace.prefill = {};
  EXPECT_EQ(seconds(0, 200), 0) << "nothing measured";
}

TEST_F(Prediction, ASmallPromptBesideALargeOneHasItsShare) {
  pending = {{.lane = 2, .tokens = 10'000}};
  EXPECT_DOUBLE_EQ(seconds(0, 60), 1);
  EXPECT_DOUBLE_EQ(seconds(2, 60), 100.6) << "behind it";
  EXPECT_DOUBLE_EQ(seconds(1, 10'000), 200) << "no later than all at the full rate";
}

TEST_F(Prediction, WorsePrioritiesOfTheLaneComeLater) {
  pending = {{.lane = 0, .priority = 5, .tokens = 600}, {.lane = 0, .priority = 0, .tokens = 300}};
  EXPECT_DOUBLE_EQ(seconds(0, 100, 0), 4);
  EXPECT_DOUBLE_EQ(seconds(0, 100, 9), 10);
}

TEST_F(Prediction, AFullBatchMakesWaitForAnswersToEnd) {
  pace.places_held = 4;
  pending = {{.lane = 0, .tokens = 1, .waiting = true}, {.lane = 0, .tokens = 1, .waiting = true}};
  EXPECT_DOUBLE_EQ(seconds(0, 100), 3 * 8.0 / 4 + 1);
}

}  // namespace
}  // namespace pingti
