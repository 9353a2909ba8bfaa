// Lanes, priorities, deadlines and forecasts through the whole engine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "engine/local_engine.h"
#include "engine/testing/engine_fixture.h"
#include "engine/testing/requests.h"

namespace pingti::testing {
namespace {

using std::chrono::milliseconds;

// S up to 64 tokens, M up to 200.
LaneSettings small_lanes() {
  LaneSettings lanes;
  lanes.lanes[0].most_tokens = 64;
  lanes.lanes[1].most_tokens = 200;
  return lanes;
}

// 64 greedy and 64 drawn, of all sizes, priorities and tenants.
std::vector<GenerationRequest> all_sorts() {
  std::mt19937 random(21);
  std::vector<GenerationRequest> requests;
  for (int i = 0; i < 128; ++i) {
    const size_t prompt = 1 + random() % (i % 10 == 0 ? 200 : i % 5 == 0 ? 120 : 25);
    auto request = make_request(random_tokens(random, prompt), 1 + static_cast<int64_t>(random() % 160),
                                i % 2 == 0 ? 0.0f : 0.9f, random());
    request.ignore_eos = i % 2 == 0;
    request.priority = static_cast<int>(random() % 3) - 1;
    request.tenant = i % 3 == 0 ? "a" : "b";
    requests.push_back(std::move(request));
  }
  return requests;
}

// Holds the engine in its first step until it is opened.
class Gate {
 public:
  explicit Gate(FakeModel* model) {
    model->before_forward = [this](const Batch&) {
      std::unique_lock lock(mutex_);
      ++arrived_;
      changed_.notify_all();
      changed_.wait(lock, [&] { return open_; });
    };
  }
  ~Gate() { open(); }

  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait_for_step(int step) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return arrived_ >= step; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int arrived_ = 0;
  bool open_ = false;
};

struct LaneCase {
  const char* name;
  EngineSetup setup;
  bool preempts;
};

class AllSorts : public ::testing::TestWithParam<LaneCase> {};

TEST_P(AllSorts, AreAnsweredAsAloneInEveryOrder) {
  FakeEngine fake(GetParam().setup);
  Gate gate(fake.model);
  const auto requests = all_sorts();
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  for (const auto& request : requests) sinks.push_back(fake.submit(request));
  gate.open();
  for (size_t i = 0; i < requests.size(); ++i) {
    SCOPED_TRACE(i);
    sinks[i]->wait();
    expect_same(sinks[i]->answer(), expected_answer(*fake.model, fake.engine->tokenizer(), requests[i]));
  }
  if (GetParam().preempts) {
    EXPECT_GT(fake.engine->stats().preemptions, 0u);
  }
  if (GetParam().setup.parking_bytes > 0) {
    EXPECT_GT(fake.engine->stats().parkings, 0u);
  }
  fake.expect_clean();
}

INSTANTIATE_TEST_SUITE_P(
    Setups, AllSorts,
    ::testing::Values(
        LaneCase{"lanes", {.lanes = small_lanes()}, false},
        LaneCase{"lanes_chunk7", {.prefill_chunk = 7, .lanes = small_lanes()}, false},
        LaneCase{"lanes_off", {.lanes = without_lanes({})}, false},
        LaneCase{"lanes_preempted", {.pages = {16}, .context = 512, .lanes = small_lanes()}, true},
        LaneCase{"lanes_preempted_no_reuse",
                 {.pages = {12}, .context = 384, .prefill_chunk = 16, .reuse = false, .lanes = small_lanes()},
                 true},
        LaneCase{"lanes_off_preempted",
                 {.pages = {16}, .context = 512, .reuse = false, .lanes = without_lanes({})},
                 true},
        LaneCase{"parked",
                 {.pages = {16}, .context = 512, .lanes = small_lanes(), .parking_bytes = 1 << 20},
                 true},
        LaneCase{"parked_no_reuse",
                 {.pages = {12},
                  .context = 384,
                  .prefill_chunk = 16,
                  .reuse = false,
                  .lanes = small_lanes(),
                  .parking_bytes = 1 << 20},
                 true},
        LaneCase{"parked_windows",
                 {.windows = {0, 150},
                  .pages = {16, 16},
                  .context = 512,
                  .lanes = small_lanes(),
                  .parking_bytes = 1 << 20},
                 true},
        LaneCase{"one_at_a_time", {.max_sequences = 1, .lanes = small_lanes()}, false}),
    [](const auto& info) { return info.param.name; });

TEST(Lanes, AFullLaneRefusesAndTheOthersDoNot) {
  LaneSettings lanes = small_lanes();
  lanes.lanes[0].queue = 3;
  FakeEngine fake({.max_sequences = 1, .lanes = lanes});
  Gate gate(fake.model);
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  const auto small = make_request({1, 2}, 5);
  sinks.push_back(fake.submit(small));
  gate.wait_for_step(1);  // it is in the batch and waits no more
  for (int i = 0; i < 3; ++i) sinks.push_back(fake.submit(small));
  const auto refused = fake.engine->submit(small, std::make_shared<RecordingSink>());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "engine.queue_full");
  EXPECT_EQ(refused.error().message, "3 answers wait in lane S already; 3 can");
  sinks.push_back(fake.submit(make_request(std::vector<int32_t>(100, 5), 5)));
  EXPECT_EQ(fake.engine->stats().lanes[0].waiting, 3);
  EXPECT_EQ(fake.engine->stats().lanes[1].waiting, 1);
  gate.open();
  for (const auto& sink : sinks) sink->wait();
  fake.expect_clean();
}

TEST(Lanes, AreGradedByWhatIsExpectedAndByWhatIsSaid) {
  FakeEngine fake({.lanes = small_lanes()});
  const auto lane = [&](int64_t prompt, int64_t max_tokens, int choices = 1, std::string tenant = {}) {
    return fake.engine
        ->forecast({.prompt_tokens = prompt,
                    .max_tokens = max_tokens,
                    .choices = choices,
                    .tenant = std::move(tenant)},
                   0)
        .lane;
  };
  EXPECT_EQ(lane(10, 54), 0);
  EXPECT_EQ(lane(10, 55), 1);
  EXPECT_EQ(lane(10, 54, 4), 2) << "each choice counts";
  EXPECT_EQ(lane(10, -1), 2) << "nothing known of answers' lengths";
  for (int i = 0; i < 10; ++i) {
    auto request = make_request({i, 1}, 8);
    request.ignore_eos = true;
    request.tenant = "brief";
    fake.answer(request);
  }
  EXPECT_EQ(lane(10, -1, 1, "brief"), 0) << "its answers have been short";
  auto request = make_request({1}, 5);
  request.lane = 2;
  fake.answer(request);
  fake.engine->drain();
  const EngineStats stats = fake.engine->stats();
  EXPECT_EQ(stats.lanes[0].prompts, 10u);
  EXPECT_EQ(stats.lanes[2].prompts, 1u);
  EXPECT_GE(stats.lanes[0].first_token_seconds, stats.lanes[0].queue_seconds);
  fake.expect_clean();
}

TEST(Lanes, APredictionGrowsWithTheWorkAhead) {
  FakeEngine fake({.lanes = small_lanes()});
  EXPECT_EQ(fake.engine->forecast({.prompt_tokens = 50}, 0).first_token_seconds, 0) << "nothing measured";
  fake.answer(make_request(std::vector<int32_t>(500, 9), 2));
  fake.engine->drain();
  EXPECT_GT(fake.engine->stats().prefill_rate, 0);
  const double alone = fake.engine->forecast({.prompt_tokens = 50, .max_tokens = 5}, 0).first_token_seconds;
  const double behind =
      fake.engine->forecast({.prompt_tokens = 50, .max_tokens = 5}, 500).first_token_seconds;
  EXPECT_GT(alone, 0);
  EXPECT_NEAR(behind / alone, 11, 0.01);
}

TEST(Lanes, ThePromptEventSaysWhereTheTimeWent) {
  FakeEngine fake({.max_sequences = 1});
  fake.model->before_forward = [](const Batch&) { std::this_thread::sleep_for(milliseconds(2)); };
  auto first = make_request({1, 2}, 20);
  first.ignore_eos = true;
  const auto running = fake.submit(first);
  running->wait_for_tokens(1);
  const auto waiting = fake.answer(make_request(std::vector<int32_t>(300, 4), 1));
  EXPECT_GT(waiting->prompt_event()->queue_seconds, 0.01);
  EXPECT_GT(waiting->prompt_event()->prefill_seconds, 0.002);
  fake.engine->drain();
}

TEST(Deadline, EndsWhatRunsAndWhatWaitsAndNothingElse) {
  FakeEngine fake({.max_sequences = 1});
  fake.model->before_forward = [](const Batch&) { std::this_thread::sleep_for(milliseconds(1)); };
  auto request = make_request({1, 2, 3}, 3000);
  request.ignore_eos = true;
  request.deadline = std::chrono::steady_clock::now() + milliseconds(40);
  const auto running = fake.submit(request);
  running->wait_for_tokens(1);
  request.choices = 2;
  const auto waiting = fake.submit(request);
  const auto unhurried = make_request({5}, 10);
  const auto other = fake.answer(unhurried);
  for (const auto& sink : {running, waiting}) {
    sink->wait();
    EXPECT_EQ(sink->reason(), FinishReason::kError);
    ASSERT_TRUE(sink->answer().end->error);
    EXPECT_EQ(sink->answer().end->error->code, "engine.deadline");
  }
  EXPECT_FALSE(waiting->prompt_event());
  expect_same(other->answer(), expected_answer(*fake.model, fake.engine->tokenizer(), unhurried));
  fake.engine->drain();
  EXPECT_EQ(fake.engine->stats().deadlines_missed, 2u);
  fake.expect_clean();
}

TEST(Deadline, ThatIsFarAwayChangesNothing) {
  FakeEngine fake;
  auto request = make_request({1, 2, 3}, 30);
  request.deadline = std::chrono::steady_clock::now() + std::chrono::hours(1);
  const auto sink = fake.answer(request);
  expect_same(sink->answer(), expected_answer(*fake.model, fake.engine->tokenizer(), request));
  fake.expect_clean();
}

}  // namespace
}  // namespace pingti::testing
