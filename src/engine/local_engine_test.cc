#include "engine/local_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <stdexcept>
#include <thread>

#include "engine/testing/engine_fixture.h"
#include "engine/testing/requests.h"

namespace pingti::testing {
namespace {

struct BatchCase {
  const char* name;
  EngineSetup setup;
  bool preempts;
};

class MixedRequests : public ::testing::TestWithParam<BatchCase> {};

TEST_P(MixedRequests, AreAnsweredAsIfEachWereAlone) {
  FakeEngine fake(GetParam().setup);
  const auto requests = mixed_requests(32);
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  for (const auto& request : requests) sinks.push_back(fake.submit(request));
  for (size_t i = 0; i < requests.size(); ++i) {
    SCOPED_TRACE(i);
    sinks[i]->wait();
    EXPECT_EQ(sinks[i]->prompt_event()->prompt_tokens, static_cast<int64_t>(requests[i].prompt.size()));
    for (int choice = 0; choice < requests[i].choices; ++choice) {
      expect_same(sinks[i]->answer(choice),
                  expected_answer(*fake.model, fake.engine->tokenizer(), requests[i], choice));
    }
  }
  if (GetParam().preempts) {
    EXPECT_GT(fake.engine->stats().preemptions, 0u);
  }
  fake.expect_clean();
}

INSTANTIATE_TEST_SUITE_P(
    Setups, MixedRequests,
    ::testing::Values(
        BatchCase{"chunk1", {.prefill_chunk = 1}, false}, BatchCase{"chunk7", {.prefill_chunk = 7}, false},
        BatchCase{"chunk64", {.prefill_chunk = 64}, false},
        BatchCase{"chunk512", {.prefill_chunk = 512}, false}, BatchCase{"no_reuse", {.reuse = false}, false},
        BatchCase{"few_slots", {.max_sequences = 2}, false},
        BatchCase{"short_of_pages", {.pages = {16}, .context = 512}, true},
        BatchCase{"short_of_pages_no_reuse", {.pages = {16}, .context = 512, .reuse = false}, true},
        BatchCase{"short_of_pages_chunk7", {.pages = {16}, .context = 512, .prefill_chunk = 7}, false},
        BatchCase{"window", {.windows = {0, 50}, .pages = {512, 200}}, false},
        BatchCase{"window_short_of_pages", {.windows = {0, 50}, .pages = {24, 12}, .context = 640}, true},
        BatchCase{"window_short_no_reuse",
                  {.windows = {50, 0}, .pages = {12, 24}, .context = 640, .prefill_chunk = 7, .reuse = false},
                  true},
        BatchCase{"sinks", {.windows = {40}, .pages = {64}, .sinks = 37, .context = 640}, false},
        BatchCase{"sinks_short_of_pages",
                  {.windows = {0, 50}, .pages = {24, 14}, .sinks = 5, .context = 640},
                  true},
        BatchCase{"only_windows", {.windows = {33}, .pages = {40}, .context = 640}, true}),
    [](const auto& info) { return info.param.name; });

TEST(LocalEngine, CancellingAtAnyTimeLosesNoPageAndDisturbsNobody) {
  FakeEngine fake({.pages = {40}, .context = 640, .max_sequences = 8, .prefill_chunk = 16});
  const auto requests = mixed_requests(60);
  const auto sinks = fake.submit_and_cancel(requests, /*seed=*/5);
  for (size_t i = 0; i < requests.size(); ++i) {
    sinks[i]->wait();
    for (int choice = 0; choice < requests[i].choices; ++choice) {
      const Answer& got = sinks[i]->answer(choice);
      const Answer want = expected_answer(*fake.model, fake.engine->tokenizer(), requests[i], choice, 640);
      if (got.end->reason != FinishReason::kCancelled) {
        expect_same(got, want);
      } else {
        ASSERT_LE(got.tokens.size(), want.tokens.size());
        EXPECT_TRUE(std::equal(got.tokens.begin(), got.tokens.end(), want.tokens.begin()));
      }
    }
  }
  fake.engine->cancel(123456);
  fake.engine->drain();
  const EngineStats stats = fake.engine->stats();
  EXPECT_GT(stats.requests_cancelled, 0u);
  EXPECT_EQ(stats.requests_cancelled + stats.requests_finished, requests.size());
  fake.expect_clean();
}

TEST(LocalEngine, DrainFinishesWhatRunsAndRefusesNewRequests) {
  FakeEngine fake;
  auto request = make_request({1, 2, 3}, 200);
  request.ignore_eos = true;
  const auto sink = fake.submit(request);
  fake.engine->drain();
  ASSERT_TRUE(sink->answer().end);
  EXPECT_EQ(sink->answer().tokens.size(), 200u);
  const auto refused = fake.engine->submit(request, sink);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "engine.draining");
}

TEST(LocalEngine, DrainCancelsWhatIsOpenAfterItsLimit) {
  FakeEngine fake({.max_sequences = 1});
  auto request = make_request({1, 2, 3}, -1);
  request.ignore_eos = true;
  fake.model->before_forward = [](const Batch&) {  // so that no answer ends on its own
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  };
  const auto running = fake.submit(request);
  const auto waiting = fake.submit(request);
  running->wait_for_tokens(2);
  fake.engine->drain(std::chrono::milliseconds(20));
  for (const auto& sink : {running, waiting}) {
    ASSERT_TRUE(sink->answer().end);
    EXPECT_EQ(sink->reason(), FinishReason::kCancelled);
  }
  EXPECT_EQ(fake.engine->stats().requests_cancelled, 2u);
  fake.expect_clean();
}

TEST(LocalEngine, DestructionCancelsRunningAndWaitingRequests) {
  std::shared_ptr<RecordingSink> running;
  std::shared_ptr<RecordingSink> waiting;
  {
    FakeEngine fake({.max_sequences = 1});
    auto request = make_request({1, 2, 3}, 3000);
    request.ignore_eos = true;
    running = fake.submit(request);
    running->wait_for_tokens(3);
    waiting = fake.submit(request);
  }
  EXPECT_EQ(running->reason(), FinishReason::kCancelled);
  EXPECT_EQ(waiting->reason(), FinishReason::kCancelled);
}

TEST(LocalEngine, WaitingRequestsStartInTheirOrder) {
  FakeEngine fake({.max_sequences = 1});
  struct OrderSink final : EventSink {
    OrderSink(std::vector<int>* log, int own) : order(log), name(own) {}
    void prompt(PromptEvent) override { order->push_back(name); }
    void tokens(TokenEvent) override {}
    void finish(FinishEvent) override { order->push_back(-name); }
    std::vector<int>* order;
    int name;
  };
  std::vector<int> order;  // written by the engine thread, read after drain()
  for (int i = 1; i <= 5; ++i) {
    auto request = make_request({i, i}, 3);
    request.ignore_eos = true;
    ASSERT_TRUE(fake.engine->submit(request, std::make_shared<OrderSink>(&order, i)));
  }
  fake.engine->drain();
  EXPECT_THAT(order, ::testing::ElementsAre(1, -1, 2, -2, 3, -3, 4, -4, 5, -5));
}

TEST(LocalEngine, ALongPromptNeverStallsARunningAnswer) {
  FakeEngine fake({.prefill_chunk = 8});
  std::vector<std::pair<int, int>> steps;  // decode rows and prompt rows; engine thread only
  fake.model->before_forward = [&](const Batch& batch) {
    std::pair<int, int> rows{0, 0};
    for (const auto& slice : batch.sequences)
      (slice.row_count == 1 ? rows.first : rows.second) += slice.row_count;
    steps.push_back(rows);
  };
  auto answer = make_request({1, 2}, -1);
  answer.ignore_eos = true;
  uint64_t id = 0;
  const auto first = fake.submit(answer, &id);
  first->wait_for_tokens(2);
  std::mt19937 random(1);
  fake.answer(make_request(random_tokens(random, 800), 1));
  fake.engine->cancel(id);
  fake.engine->drain();
  EXPECT_EQ(first->reason(), FinishReason::kCancelled);
  int mixed = 0;
  for (const auto& [decode, prompt] : steps) {
    EXPECT_LE(prompt, 8);
    if (prompt > 2) {
      EXPECT_EQ(decode, 1);
      ++mixed;
    }
  }
  EXPECT_EQ(mixed, 100);
}

TEST(LocalEngine, RefusesWhatCannotFitAndNamesBothNumbers) {
  FakeEngine fake({.context = 100});
  const auto code = [&](const GenerationRequest& request) {
    const auto result = fake.engine->submit(request, std::make_shared<RecordingSink>());
    return result ? std::string() : result.error().code + ": " + result.error().message;
  };
  const auto too_long = code(make_request(std::vector<int32_t>(100, 1), -1));
  EXPECT_THAT(too_long, ::testing::StartsWith("engine.context"));
  EXPECT_THAT(too_long, ::testing::HasSubstr("100 tokens"));
  EXPECT_THAT(code(make_request({}, 1)), ::testing::StartsWith("engine.empty_prompt"));
  EXPECT_THAT(code(make_request({kFakeVocab}, 1)), ::testing::StartsWith("engine.token"));
  EXPECT_THAT(code(make_request({-1}, 1)), ::testing::StartsWith("engine.token"));
  auto stop = make_request({1}, 1);
  stop.stop = {""};
  EXPECT_THAT(code(stop), ::testing::StartsWith("engine.stop"));
  auto choices = make_request({1}, 1);
  choices.choices = 0;
  EXPECT_THAT(code(choices), ::testing::StartsWith("engine.choices"));
}

TEST(LocalEngine, ContextIsLoweredToWhatThePagesHold) {
  FakeEngine fake({.pages = {3}, .context = 4096});
  EXPECT_EQ(fake.engine->info().context, 96);
  auto request = make_request(std::vector<int32_t>(90, 7), -1);
  request.ignore_eos = true;
  const auto sink = fake.answer(request);
  EXPECT_EQ(sink->answer().tokens.size(), 6u);
  EXPECT_EQ(sink->reason(), FinishReason::kLength);
  fake.expect_clean();
}

TEST(LocalEngine, NoTokensWantedMeansOnlyThePromptIsComputed) {
  FakeEngine fake;
  auto request = make_request({1, 2, 3}, 0);
  request.choices = 2;
  const auto sink = fake.answer(request);
  EXPECT_TRUE(sink->prompt_event());
  for (int choice = 0; choice < 2; ++choice) {
    EXPECT_TRUE(sink->answer(choice).tokens.empty());
    EXPECT_EQ(sink->reason(choice), FinishReason::kLength);
  }
  EXPECT_EQ(fake.model->rows, 3u);
  fake.expect_clean();
}

TEST(LocalEngine, ChoicesShareTheComputedPrompt) {
  FakeEngine fake;
  std::mt19937 random(2);
  auto request = make_request(random_tokens(random, 100), 5, 1.0f, 42);
  request.choices = 4;
  request.ignore_eos = true;
  const auto sink = fake.answer(request);
  for (int choice = 0; choice < 4; ++choice)
    expect_same(sink->answer(choice),
                expected_answer(*fake.model, fake.engine->tokenizer(), request, choice));
  EXPECT_NE(sink->answer(0).tokens, sink->answer(1).tokens);
  EXPECT_EQ(fake.model->rows, 100u + 4u * 4u);  // the last token is drawn but not computed
  fake.expect_clean();
}

TEST(LocalEngine, StopStringsAreLookedForBehindTheThinkingOnly) {
  FakeEngine fake;
  auto request = make_request({10, 20, 30}, 60);
  request.ignore_eos = true;
  request.thinking = Thinking{.begin = "<", .end = "\x07", .open = true, .max_tokens = 20, .forced = {7}};
  const auto whole = fake.answer(request);
  EXPECT_EQ(whole->answer().end->thinking_tokens, 21);
  EXPECT_EQ(whole->answer().tokens[20], 7);
  const std::string text = whole->answer().text;
  const size_t end = text.find('\x07');
  size_t first = 1;
  while ((text[first] & 0xC0) == 0x80) ++first;
  request.stop = {text.substr(0, first)};
  EXPECT_EQ(fake.answer(request)->answer().text, text.substr(0, text.find(request.stop[0], end)));
  fake.expect_clean();
}

TEST(LocalEngine, StopStringsEndTheTextBeforeThem) {
  FakeEngine fake;
  auto request = make_request({10, 20, 30}, 60);
  request.ignore_eos = true;
  const auto whole = fake.answer(request);
  const std::string text = whole->answer().text;
  // A stop string of three whole characters from the middle of the answer.
  size_t from = text.size() / 2;
  while ((text[from] & 0xC0) == 0x80) ++from;
  size_t to = from;
  for (int characters = 0; characters < 3; ++characters) {
    do ++to;
    while ((text[to] & 0xC0) == 0x80);
  }
  request.stop = {"never in there", text.substr(from, to - from)};
  const auto sink = fake.answer(request);
  EXPECT_EQ(sink->answer().text, text.substr(0, text.find(request.stop[1])));
  EXPECT_EQ(sink->reason(), FinishReason::kStop);
  EXPECT_EQ(sink->answer().end->stop_text, request.stop[1]);
  fake.expect_clean();
}

TEST(LocalEngine, StopTokensAndEndOfGenerationAreNotPartOfTheAnswer) {
  FakeEngine fake;
  auto request = make_request({10, 20, 30}, 60);
  request.ignore_eos = true;
  const auto whole = fake.answer(request)->answer();
  request.stop_tokens = {whole.tokens[7]};
  const auto first = std::ranges::find(whole.tokens, whole.tokens[7]) - whole.tokens.begin();
  const auto sink = fake.answer(request);
  EXPECT_EQ(sink->answer().tokens.size(), static_cast<size_t>(first));
  EXPECT_EQ(sink->reason(), FinishReason::kStop);
  EXPECT_EQ(sink->answer().end->completion_tokens, first + 1);

  auto forced = make_request({1}, 20);
  forced.sampling.logit_bias = {{kFakeEos, 100.0f}};
  const auto ended = fake.answer(forced);
  EXPECT_TRUE(ended->answer().tokens.empty());
  EXPECT_EQ(ended->reason(), FinishReason::kStop);
  forced.ignore_eos = true;
  EXPECT_EQ(fake.answer(forced)->answer().tokens, std::vector<int32_t>(20, kFakeEos));
  fake.expect_clean();
}

double log_softmax(const std::vector<float>& logits, int32_t token) {
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
  return static_cast<double>(logits[static_cast<size_t>(token)]) - std::log(sum);
}

TEST(LocalEngine, LogprobsAreTheModelsOwnBeforeTemperature) {
  FakeEngine fake;
  auto request = make_request({5, 6, 7}, 20, 1.3f, 9);
  request.top_logprobs = 4;
  request.ignore_eos = true;
  request.choices = 2;
  const auto sink = fake.answer(request);
  for (int choice = 0; choice < 2; ++choice) {
    const Answer& answer = sink->answer(choice);
    expect_same(answer, expected_answer(*fake.model, fake.engine->tokenizer(), request, choice));
    ASSERT_EQ(answer.logprobs.size(), answer.tokens.size());
    std::vector<int32_t> tokens = request.prompt;
    for (size_t i = 0; i < answer.tokens.size(); ++i) {
      const auto logits = fake.model->logits_of(tokens);
      const TokenLogprobs& got = answer.logprobs[i];
      EXPECT_EQ(got.chosen.token, answer.tokens[i]);
      EXPECT_NEAR(got.chosen.logprob, log_softmax(logits, answer.tokens[i]), 1e-4);
      EXPECT_EQ(got.chosen.bytes, fake.engine->tokenizer().token_bytes(answer.tokens[i]));
      ASSERT_EQ(got.top.size(), 4u);
      EXPECT_EQ(got.top[0].token, std::ranges::max_element(logits) - logits.begin());
      for (size_t k = 1; k < 4; ++k) EXPECT_GE(got.top[k - 1].logprob, got.top[k].logprob);
      tokens.push_back(answer.tokens[i]);
    }
  }
  fake.expect_clean();
}

TEST(LocalEngine, PromptLogprobsScoreEveryTokenButTheFirst) {
  std::mt19937 random(8);
  const auto prompt = random_tokens(random, 200);
  for (const int chunk : {1, 7, 64, 512}) {
    SCOPED_TRACE(chunk);
    FakeEngine fake({.prefill_chunk = chunk});
    auto request = make_request(prompt, 3);
    fake.answer(request);  // its prefix is in the cache now
    request.prompt_logprobs = true;
    request.top_logprobs = 2;
    request.choices = 2;
    const auto other = fake.submit(request);
    const auto sink = fake.answer(request);
    other->wait();
    ASSERT_EQ(sink->prompt_event()->logprobs.size(), prompt.size() - 1);
    for (size_t i = 1; i < prompt.size(); ++i) {
      const auto logits = fake.model->logits_of(std::span(prompt).first(i));
      const TokenLogprobs& got = sink->prompt_event()->logprobs[i - 1];
      EXPECT_EQ(got.chosen.token, prompt[i]);
      EXPECT_NEAR(got.chosen.logprob, log_softmax(logits, prompt[i]), 1e-4);
      EXPECT_EQ(got.top.size(), 2u);
    }
    expect_same(sink->answer(1), expected_answer(*fake.model, fake.engine->tokenizer(), request, 1));
    fake.expect_clean();
  }
}

TEST(LocalEngine, PromptLogprobsSurvivePreemption) {
  FakeEngine fake({.pages = {10}, .context = 320, .prefill_chunk = 16});
  std::mt19937 random(8);
  auto hungry = make_request(random_tokens(random, 100), 200);
  hungry.ignore_eos = true;
  const auto older = fake.submit(hungry);
  older->wait_for_tokens(1);
  auto scored = make_request(random_tokens(random, 180), 2);
  scored.prompt_logprobs = true;
  const auto sink = fake.answer(scored);
  older->wait();
  EXPECT_EQ(sink->prompt_event()->logprobs.size(), 179u);
  for (size_t i = 1; i < 180; ++i) {
    const auto logits = fake.model->logits_of(std::span(scored.prompt).first(i));
    EXPECT_NEAR(sink->prompt_event()->logprobs[i - 1].chosen.logprob, log_softmax(logits, scored.prompt[i]),
                1e-4);
  }
  fake.expect_clean();
}

TEST(LocalEngine, AWindowLetsALongAnswerRunInFewPages) {
  FakeEngine fake({.windows = {0, 40}, .pages = {64, 5}, .context = 2048, .prefill_chunk = 32});
  EXPECT_EQ(fake.engine->info().context, 2048);
  auto request = make_request({1, 2, 3}, -1);
  request.ignore_eos = true;
  const auto sink = fake.answer(request);
  expect_same(sink->answer(), expected_answer(*fake.model, fake.engine->tokenizer(), request, 0, 2048));
  fake.expect_clean();
}

TEST(LocalEngine, ALaterRequestReusesTheCommonPrefix) {
  for (const bool reuse : {true, false}) {
    FakeEngine fake({.windows = {0, 70}, .pages = {256, 256}, .reuse = reuse});
    std::mt19937 random(4);
    auto request = make_request(random_tokens(random, 100), 30);
    request.ignore_eos = true;
    const auto first = fake.answer(request);
    EXPECT_EQ(first->prompt_event()->cached_tokens, 0);
    // The conversation goes on after the answer.
    request.prompt.insert(request.prompt.end(), first->answer().tokens.begin(), first->answer().tokens.end());
    const auto more = random_tokens(random, 20);
    request.prompt.insert(request.prompt.end(), more.begin(), more.end());
    const uint64_t rows = fake.model->rows;
    const auto second = fake.answer(request);
    EXPECT_EQ(second->prompt_event()->cached_tokens, reuse ? 128 : 0);
    EXPECT_EQ(fake.model->rows - rows, (reuse ? 150u - 128u : 150u) + 29u);
    expect_same(second->answer(), expected_answer(*fake.model, fake.engine->tokenizer(), request));
    fake.expect_clean();
  }
}

TEST(LocalEngine, AFailedStepEndsItsRequestsAndNothingElse) {
  FakeEngine fake;
  std::atomic<bool> broken = true;
  fake.model->before_forward = [&](const Batch&) {
    if (broken) throw std::runtime_error("no luck");
  };
  const auto sink = fake.answer(make_request({1, 2}, 5));
  EXPECT_EQ(sink->reason(), FinishReason::kError);
  ASSERT_TRUE(sink->answer().end->error);
  EXPECT_EQ(sink->answer().end->error->code, "engine.step");
  broken = false;
  const auto request = make_request({1, 2}, 5);
  expect_same(fake.answer(request)->answer(),
              expected_answer(*fake.model, fake.engine->tokenizer(), request));
  fake.expect_clean();
}

TEST(LocalEngine, ASinkThatThrowsLosesOnlyItsOwnRequest) {
  struct BadSink final : EventSink {
    void prompt(PromptEvent) override {}
    void tokens(TokenEvent) override { throw std::runtime_error("client gone"); }
    void finish(FinishEvent) override {}
  };
  FakeEngine fake;
  auto request = make_request({9}, 500);
  request.ignore_eos = true;
  const auto good = fake.submit(request);
  ASSERT_TRUE(fake.engine->submit(request, std::make_shared<BadSink>()));
  good->wait();
  EXPECT_EQ(good->answer().tokens.size(), 500u);
  fake.expect_clean();
  EXPECT_EQ(fake.engine->stats().requests_cancelled, 1u);
}

TEST(LocalEngine, HeartbeatGrowsOnlyWhileAStepHangs) {
  FakeEngine fake;
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_EQ(fake.engine->stats().seconds_since_step, 0);
  std::mutex mutex;
  std::condition_variable released;
  bool go = false;
  fake.model->before_forward = [&](const Batch&) {
    std::unique_lock lock(mutex);
    released.wait(lock, [&] { return go; });
  };
  const auto sink = fake.submit(make_request({1, 2}, 1));
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  EXPECT_GT(fake.engine->stats().seconds_since_step, 0.03);
  {
    const std::lock_guard lock(mutex);
    go = true;
  }
  released.notify_all();
  sink->wait();
  fake.engine->drain();
  EXPECT_EQ(fake.engine->stats().seconds_since_step, 0);
}

}  // namespace
}  // namespace pingti::testing
