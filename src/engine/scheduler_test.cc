// The scheduler alone, its clock in the tests' hands.
#include "engine/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "engine/testing/fake_model.h"
#include "engine/testing/requests.h"

namespace pingti::testing {
namespace {

using ::testing::ElementsAre;

struct Wish {
  int lane = 0;
  int64_t prompt = 10;
  int64_t answer = 4;
  int priority = 0;
  int choices = 1;
};

class SchedulerTest : public ::testing::Test {
 protected:
  void start(int max_sequences, int64_t pages, LaneSettings lanes = {}) {
    model_ = std::make_unique<FakeModel>(std::vector<int>{0});
    const KvGroupShape shape{0, model_->kv_groups()[0].page_bytes, pages};
    space_.emplace(*KvSpace::create(std::span(&shape, 1), kPageTokens, /*reuse=*/false));
    reuse_ = std::make_unique<PrefixReuse>(&*space_, nullptr);
    scheduler_ = std::make_unique<Scheduler>(
        &*space_, reuse_.get(), SchedulerLimits{.max_sequences = max_sequences}, std::move(lanes));
  }

  // Returns the request's number.
  uint64_t add(const Wish& wish) {
    auto state = std::make_shared<RequestState>();
    state->id = ++last_id_;
    state->lane = wish.lane;
    state->arrived = now_;
    state->request.prompt.assign(static_cast<size_t>(wish.prompt), static_cast<int32_t>(last_id_ % 256));
    state->request.priority = wish.priority;
    state->request.choices = wish.choices;
    for (int choice = 0; choice < wish.choices; ++choice) {
      scheduler_->add(
          std::make_unique<Sequence>(state, choice, wish.prompt + wish.answer, space_->make_table(),
                                     Sampler(model_->kernels(), {}, kFakeVocab, 1, choice), *tokenizer_));
    }
    return last_id_;
  }

  // One step, done as the engine would: rows of each request in it.
  std::map<uint64_t, int> step(int rows = 32) {
    StepPlan plan = scheduler_->plan(rows, now_);
    scheduler_->advance(plan);
    std::map<uint64_t, int> counts;
    for (const StepPlan::Entry& entry : plan.entries) {
      Sequence& sequence = *entry.sequence;
      const uint64_t id = sequence.request->id;
      counts[id] += entry.rows;
      if (!entry.draws) continue;
      if (!sequence.request->prompt_sent) {
        sequence.request->prompt_sent = true;
        started_.push_back(id);
        for (Sequence* sibling : scheduler_->start_siblings(sequence)) draw(*sibling);
      }
      draw(sequence);
    }
    return counts;
  }

  void draw(Sequence& sequence) {
    sequence.tokens.push_back(1);
    ++sequence.drawn;
    if (sequence.size() < sequence.limit) return;
    finished_.push_back(sequence.request->id);
    scheduler_->remove(&sequence, false);
  }

  void advance(double seconds) {
    now_ += std::chrono::duration_cast<Scheduler::Clock::duration>(std::chrono::duration<double>(seconds));
  }

  void run(int steps = 10'000) {
    for (int i = 0; i < steps && !scheduler_->idle(); ++i) step();
    EXPECT_TRUE(scheduler_->idle());
  }

  std::set<uint64_t> running() const {
    std::set<uint64_t> ids;
    for (const Sequence* sequence : scheduler_->running()) ids.insert(sequence->request->id);
    return ids;
  }

  std::unique_ptr<Tokenizer> tokenizer_ = *Tokenizer::create(fake_vocab());
  std::unique_ptr<FakeModel> model_;
  std::optional<KvSpace> space_;
  std::unique_ptr<PrefixReuse> reuse_;
  std::unique_ptr<Scheduler> scheduler_;
  Scheduler::Clock::time_point now_{std::chrono::hours(1)};
  uint64_t last_id_ = 0;
  std::vector<uint64_t> started_;   // in the order their prompts were done
  std::vector<uint64_t> finished_;  // a request once for each choice
};

TEST_F(SchedulerTest, ASmallPromptGetsItsShareInTheNextStep) {
  start(8, 100);
  const uint64_t large = add({.lane = 2, .prompt = 1000});
  EXPECT_EQ(step(20).at(large), 20) << "alone it has all rows";
  const uint64_t small = add({.lane = 0, .prompt = 25});
  auto rows = step(20);
  EXPECT_EQ(rows.at(small), 15);
  EXPECT_EQ(rows.at(large), 5);
  rows = step(20);
  EXPECT_EQ(rows.at(small), 10);
  EXPECT_EQ(rows.at(large), 10) << "what the small one does not need";
  EXPECT_THAT(started_, ElementsAre(small));
  rows = step(20);
  EXPECT_EQ(rows.at(small), 1) << "decoding always goes";
  EXPECT_EQ(rows.at(large), 20);
}

TEST_F(SchedulerTest, WithoutLanesPromptsGoByArrival) {
  start(8, 100, without_lanes({}));
  const uint64_t large = add({.prompt = 100});
  const uint64_t small = add({.prompt = 25});
  for (int i = 0; i < 4; ++i) {
    const auto rows = step(20);
    EXPECT_EQ(rows.at(large), 20);
    EXPECT_FALSE(rows.contains(small));
  }
  EXPECT_EQ(step(20).at(large), 20);
  EXPECT_EQ(step(20).at(small), 20);
}

TEST_F(SchedulerTest, SmallPromptsWithoutEndLeaveALargeOneItsShare) {
  start(64, 1000);
  const uint64_t large = add({.lane = 2, .prompt = 400});
  int steps = 0;
  for (; started_.empty() || std::ranges::find(started_, large) == started_.end(); ++steps) {
    ASSERT_LT(steps, 100) << "a quarter of 20 rows a step, for 400 tokens";
    add({.lane = 0, .prompt = 20, .answer = 1});
    step(20);
  }
  EXPECT_GE(steps, 75) << "but no more than its share";
}

TEST_F(SchedulerTest, WithinALaneByPriorityThenArrival) {
  start(1, 100);
  const uint64_t a = add({.priority = 1});
  const uint64_t b = add({.priority = 0});
  const uint64_t c = add({.priority = 1});
  const uint64_t d = add({.priority = -5});
  run();
  EXPECT_THAT(started_, ElementsAre(d, b, a, c));
}

TEST_F(SchedulerTest, PriorityAlsoOrdersPromptRowsWithinALane) {
  start(8, 100);
  const uint64_t first = add({.prompt = 100, .priority = 0});
  EXPECT_EQ(step(10).at(first), 10);
  const uint64_t urgent = add({.prompt = 15, .priority = -1});
  EXPECT_EQ(step(10).at(urgent), 10);
  const auto rows = step(10);
  EXPECT_EQ(rows.at(urgent), 5);
  EXPECT_EQ(rows.at(first), 5);
}

TEST_F(SchedulerTest, AnAgedRequestIsPassedByNoBetterPriority) {
  start(1, 100, {.ageing_seconds = 10});
  const uint64_t first = add({});
  const uint64_t patient = add({.priority = 9});
  for (int i = 0; i < 3; ++i) add({.priority = 0});
  advance(9);
  while (finished_.size() < 2) step();
  EXPECT_THAT(finished_, ElementsAre(first, first + 2));
  advance(2);
  add({.priority = -100});
  while (finished_.size() < 4) step();
  // All but the newest have aged: by arrival. The one begun before goes on.
  EXPECT_THAT(started_, ElementsAre(first, first + 2, patient, first + 3));
  run();
}

TEST_F(SchedulerTest, OnePlaceIsGivenToEveryLaneInTurn) {
  start(1, 100);
  for (int i = 0; i < 20; ++i) add({.lane = 0, .answer = 1});
  const uint64_t large = add({.lane = 2, .answer = 1});
  const uint64_t medium = add({.lane = 1, .answer = 1});
  run();
  const auto place = [&](uint64_t id) { return std::ranges::find(started_, id) - started_.begin(); };
  EXPECT_LE(place(large), 3);
  EXPECT_LE(place(medium), 3);
}

TEST_F(SchedulerTest, ALaneWithNothingInTheBatchComesFirst) {
  start(4, 100);
  for (int i = 0; i < 10; ++i) add({.lane = 2, .prompt = 200, .answer = 50});
  step();
  EXPECT_EQ(running().size(), 4u) << "what others leave is used";
  const uint64_t small = add({.lane = 0});
  while (!running().contains(small)) step();
  EXPECT_EQ(finished_.size(), 1u) << "the first place that became free";
  run();
}

TEST_F(SchedulerTest, ALargeOneThatDoesNotFitIsPassedUntilItHasAged) {
  start(8, 12, {.ageing_seconds = 10});  // 384 tokens
  const uint64_t running_one = add({.lane = 0, .prompt = 100, .answer = 150});
  while (started_.empty()) step();
  const uint64_t large = add({.lane = 2, .prompt = 330, .answer = 10});
  const uint64_t small = add({.lane = 0});
  step();
  EXPECT_EQ(running(), (std::set{running_one, small}));
  advance(11);
  step();  // now found to have aged
  const uint64_t late = add({.lane = 0});
  while (running().contains(running_one)) {
    EXPECT_FALSE(running().contains(late)) << "nobody passes it";
    step();
  }
  step();
  EXPECT_TRUE(running().contains(large));
  run();
  EXPECT_EQ(scheduler_->preemptions(), 0u);
}

TEST_F(SchedulerTest, TheLastByPriorityLaneAndAgeIsPreemptedFirst) {
  start(8, 8, {.ageing_seconds = 10});  // 256 tokens
  // Each one's third page is wanted at another step.
  const uint64_t large = add({.lane = 2, .prompt = 30, .answer = 100});
  const uint64_t flex = add({.lane = 0, .prompt = 25, .answer = 100, .priority = 5});
  const uint64_t small = add({.lane = 0, .prompt = 20, .answer = 100});
  const uint64_t medium = add({.lane = 1, .prompt = 10, .answer = 100});
  std::vector<uint64_t> order;
  while (scheduler_->preemptions() < 2) {
    const auto before = running();
    step(200);
    for (const uint64_t id : before) {
      if (!running().contains(id) && std::ranges::find(finished_, id) == finished_.end()) order.push_back(id);
    }
    ASSERT_FALSE(scheduler_->idle());
  }
  ASSERT_GE(order.size(), 2u);
  EXPECT_EQ(order[0], flex) << "the worst priority";
  EXPECT_EQ(order[1], large) << "then the larger lane, though it came first";
  EXPECT_EQ(scheduler_->lane_stats()[2].preemptions, 1u);
  run();
  EXPECT_THAT(finished_, ::testing::UnorderedElementsAre(large, flex, small, medium));
}

TEST_F(SchedulerTest, AnAgedSequenceIsNotPreemptedForYoungerOnes) {
  start(8, 8, {.ageing_seconds = 10});
  const uint64_t large = add({.lane = 2, .prompt = 60, .answer = 150, .priority = 9});
  while (started_.empty()) step(200);
  advance(11);
  for (int i = 0; i < 3; ++i) add({.lane = 0, .prompt = 30, .answer = 60});
  while (std::ranges::find(finished_, large) == finished_.end()) {
    step(200);
    const bool done = std::ranges::find(finished_, large) != finished_.end();
    EXPECT_TRUE(done || running().contains(large));
  }
  EXPECT_GT(scheduler_->preemptions(), 0u);
  run();
}

TEST_F(SchedulerTest, ChoicesKeepPlacesOnlyWithinTheirLanesShare) {
  start(10, 200);
  add({.lane = 2, .prompt = 300, .answer = 5, .choices = 10});
  step();
  for (int i = 0; i < 9; ++i) add({.lane = 0, .prompt = 5, .answer = 100});
  step();
  EXPECT_EQ(running().size(), 8u) << "the large one, and small ones but for the two places it keeps";
  run();
  EXPECT_EQ(finished_.size(), 19u);
}

// Whatever lanes, priorities and memory: everything ends, and steps always make progress.
TEST_F(SchedulerTest, NobodyStarvesAndNothingLocksUp) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    start(1 + static_cast<int>(random() % 6), 10, {.ageing_seconds = 5});  // 320 tokens
    finished_.clear();
    size_t choices = 0;
    for (int i = 0; i < 60; ++i) {
      const Wish wish{.lane = static_cast<int>(random() % 3),
                      .prompt = 1 + static_cast<int64_t>(random() % 200),
                      .answer = 1 + static_cast<int64_t>(random() % 100),
                      .priority = static_cast<int>(random() % 5) - 2,
                      .choices = random() % 5 == 0 ? 3 : 1};
      add(wish);
      choices += static_cast<size_t>(wish.choices);
      for (uint32_t steps = random() % 8; steps > 0; --steps) {
        EXPECT_FALSE(step(1 + static_cast<int>(random() % 40)).empty() && !scheduler_->idle());
        advance(0.1);
      }
    }
    for (int i = 0; !scheduler_->idle(); ++i) {
      ASSERT_LT(i, 50'000);
      EXPECT_FALSE(step().empty());
      advance(0.1);
    }
    EXPECT_EQ(finished_.size(), choices);
    EXPECT_EQ(space_->pools()[0]->free_count(), 10);
  }
}

TEST_F(SchedulerTest, CountsEachLane) {
  start(2, 100);
  add({.lane = 0, .prompt = 50, .answer = 3});
  add({.lane = 2, .prompt = 500});
  add({.lane = 1, .prompt = 70, .choices = 3});
  auto lanes = scheduler_->lane_stats();
  EXPECT_EQ(lanes[1].waiting, 3);
  EXPECT_EQ(lanes[1].backlog_tokens, 70) << "computed once for all choices";
  step(40);
  lanes = scheduler_->lane_stats();
  EXPECT_EQ(lanes[0].running + lanes[1].running + lanes[2].running, 2);
  EXPECT_EQ(lanes[0].waiting + lanes[1].waiting + lanes[2].waiting, 3);
  int64_t backlog = 0;
  for (const LaneStats& lane : lanes) backlog += lane.backlog_tokens;
  EXPECT_EQ(backlog, 620 - 40);
  run();
}

}  // namespace
}  // namespace pingti::testing
