// An engine over a FakeModel, a sink that records, and the answer a request must get.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "engine/local_engine.h"
#include "engine/testing/fake_model.h"
#include "sample/sampler.h"

namespace pingti::testing {

struct Answer {
  std::vector<int32_t> tokens;
  std::string text;
  std::vector<TokenLogprobs> logprobs;
  std::optional<FinishEvent> end;
};

// Records events and checks their order. Any thread may wait and look after wait().
class RecordingSink final : public EventSink {
 public:
  explicit RecordingSink(int choices = 1) : answers_(static_cast<size_t>(choices)) {}

  void prompt(PromptEvent event) override {
    const std::lock_guard lock(mutex_);
    EXPECT_FALSE(prompt_) << "a second prompt event";
    prompt_ = std::move(event);
  }
  void tokens(TokenEvent event) override {
    const std::lock_guard lock(mutex_);
    Answer& answer = answers_.at(static_cast<size_t>(event.choice));
    EXPECT_TRUE(prompt_ && !answer.end);
    answer.tokens.insert(answer.tokens.end(), event.tokens.begin(), event.tokens.end());
    answer.text += event.text;
    std::ranges::move(event.logprobs, std::back_inserter(answer.logprobs));
    ++token_events_;
    changed_.notify_all();
  }
  void finish(FinishEvent event) override {
    const std::lock_guard lock(mutex_);
    Answer& answer = answers_.at(static_cast<size_t>(event.choice));
    EXPECT_FALSE(answer.end) << "a second finish event";
    answer.end = std::move(event);
    changed_.notify_all();
  }

  void wait() {
    std::unique_lock lock(mutex_);
    const bool done = changed_.wait_for(lock, std::chrono::seconds(60), [this] {
      return std::ranges::all_of(answers_, [](const Answer& a) { return a.end.has_value(); });
    });
    EXPECT_TRUE(done) << "no answer within a minute";
  }
  void wait_for_tokens(int events) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(60), [&] { return token_events_ >= events; }));
  }
  const Answer& answer(int choice = 0) const { return answers_[static_cast<size_t>(choice)]; }
  FinishReason reason(int choice = 0) const { return answer(choice).end->reason; }
  const std::optional<PromptEvent>& prompt_event() const { return prompt_; }
  int token_events() const { return token_events_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Answer> answers_;
  std::optional<PromptEvent> prompt_;
  int token_events_ = 0;
};

struct EngineSetup {
  std::vector<int> windows = {0};
  std::vector<int64_t> pages = {512};  // per group
  int sinks = 0;
  int64_t context = 4096;
  int max_sequences = 32;
  int prefill_chunk = 64;
  bool reuse = true;
  int threads = 2;
  LaneSettings lanes = {};
  int64_t parking_bytes = 0;
  // Makes the drafters; none: no speculation.
  std::function<std::vector<std::unique_ptr<Drafter>>(const FakeModel&)> drafters = nullptr;
  SpeculationLimits speculation = {};
  SessionLimits sessions = {};
  std::string kv_disk = {};  // folder of prefixes on disk; empty: none
  std::string fingerprint = "fake";
};

struct FakeEngine {
  explicit FakeEngine(const EngineSetup& setup = {}) {
    auto owned = std::make_unique<FakeModel>(setup.windows, setup.sinks);
    model = owned.get();
    std::vector<KvGroupShape> shapes;
    for (size_t g = 0; g < setup.windows.size(); ++g)
      shapes.push_back(
          {setup.windows[g], owned->kv_groups()[g].page_bytes, setup.pages[g], owned->kv_groups()[g].sinks});
    auto drafters = setup.drafters ? setup.drafters(*model) : std::vector<std::unique_ptr<Drafter>>();
    EngineInfo info{.model_name = "fake", .context = setup.context, .vocab = kFakeVocab};
    info.trained_context = owned->config().max_context;
    engine =
        *LocalEngine::create({.threads = std::make_unique<ThreadPool>(setup.threads),
                              .model = std::move(owned),
                              .tokenizer = *Tokenizer::create(fake_vocab()),
                              .chat_template = std::make_unique<const ChatTemplate>(*ChatTemplate::create(
                                  std::string(ChatTemplate::fallback()), "", "<|end|>")),
                              .space = *KvSpace::create(shapes, kPageTokens,
                                                        {.prefixes = setup.reuse, .sessions = setup.sessions}),
                              .info = info,
                              .max_sequences = setup.max_sequences,
                              .prefill_chunk = setup.prefill_chunk,
                              .lanes = setup.lanes,
                              .parking_bytes = setup.parking_bytes,
                              .drafters = std::move(drafters),
                              .speculation = setup.speculation,
                              .disk = disk(setup)});
  }

  std::shared_ptr<RecordingSink> submit(const GenerationRequest& request, uint64_t* id = nullptr) {
    auto sink = std::make_shared<RecordingSink>(request.choices);
    const auto submitted = engine->submit(request, sink);
    EXPECT_TRUE(submitted) << submitted.error().to_string();
    if (submitted && id != nullptr) *id = *submitted;
    return sink;
  }
  std::shared_ptr<RecordingSink> answer(const GenerationRequest& request) {
    auto sink = submit(request);
    sink->wait();
    return sink;
  }

  // Submits all, in between waiting now and then and cancelling any of those submitted so far.
  std::vector<std::shared_ptr<RecordingSink>> submit_and_cancel(
      const std::vector<GenerationRequest>& requests, uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<std::shared_ptr<RecordingSink>> sinks;
    std::vector<uint64_t> ids(requests.size());
    for (size_t i = 0; i < requests.size(); ++i) {
      sinks.push_back(submit(requests[i], &ids[i]));
      if (random() % 2 == 0) std::this_thread::sleep_for(std::chrono::microseconds(random() % 500));
      if (random() % 2 == 0) engine->cancel(ids[random() % (i + 1)]);
    }
    return sinks;
  }

  // After everything has finished: no fault seen, no page lost.
  void expect_clean() {
    engine->drain();
    EXPECT_EQ(model->faults, 0);
    EXPECT_EQ(engine->stats().running, 0);
    engine->space().forget_all();
    for (const KvPool* pool : engine->space().pools()) EXPECT_EQ(pool->free_count(), pool->page_count());
  }

  static std::optional<DiskReuse::Parts> disk(const EngineSetup& setup) {
    if (setup.kv_disk.empty()) return std::nullopt;
    return DiskReuse::Parts{.store = *KvStore::open(std::filesystem::path(setup.kv_disk), KvStoreOptions{}),
                            .fingerprint = setup.fingerprint,
                            .always_load = true};
  }

  FakeModel* model = nullptr;
  std::unique_ptr<LocalEngine> engine;
};

// What the request must be answered, made token by token from the plain token list.
inline Answer expected_answer(const FakeModel& model, const Tokenizer& tokenizer,
                              const GenerationRequest& request, int choice = 0, int64_t context = 4096) {
  Answer answer;
  answer.end = FinishEvent{.choice = choice, .reason = FinishReason::kLength};
  Sampler sampler(model.kernels(), request.sampling, kFakeVocab, request.sampling.seed, choice);
  std::vector<int32_t> tokens = request.prompt;
  ThinkingTracker thinking(request.thinking ? &*request.thinking : nullptr);
  const auto room = context - static_cast<int64_t>(tokens.size());
  const int64_t most = request.max_tokens < 0 ? room : std::min(room, request.max_tokens);
  for (int64_t drawn = 1; drawn <= most; ++drawn) {
    std::vector<float> logits = model.logits_of(tokens);
    int32_t token = sampler.sample(logits, static_cast<int64_t>(tokens.size()), tokens);
    if (thinking.forced()) token = *thinking.forced();
    thinking.push(token, tokenizer.token_bytes(token));
    answer.end->completion_tokens = drawn;
    if ((token == kFakeEos && !request.ignore_eos) ||
        std::ranges::find(request.stop_tokens, token) != request.stop_tokens.end()) {
      answer.end->reason = FinishReason::kStop;
      break;
    }
    tokens.push_back(token);
    answer.tokens.push_back(token);
  }
  Detokenizer detokenizer(tokenizer);
  for (const int32_t token : answer.tokens) answer.text += detokenizer.push(token);
  answer.text += detokenizer.finish();
  return answer;
}

inline void expect_same(const Answer& got, const Answer& want) {
  EXPECT_EQ(got.tokens, want.tokens);
  EXPECT_EQ(got.text, want.text);
  EXPECT_EQ(got.end->reason, want.end->reason);
  EXPECT_EQ(got.end->completion_tokens, want.end->completion_tokens);
}

// To the bit, logprobs included.
inline void expect_identical(const Answer& got, const Answer& want) {
  expect_same(got, want);
  EXPECT_EQ(got.end->stop_text, want.end->stop_text);
  ASSERT_EQ(got.logprobs.size(), want.logprobs.size());
  for (size_t i = 0; i < got.logprobs.size(); ++i) {
    const TokenLogprobs& a = got.logprobs[i];
    const TokenLogprobs& b = want.logprobs[i];
    EXPECT_EQ(a.chosen.token, b.chosen.token);
    EXPECT_EQ(std::bit_cast<uint32_t>(a.chosen.logprob), std::bit_cast<uint32_t>(b.chosen.logprob));
    ASSERT_EQ(a.top.size(), b.top.size());
    for (size_t k = 0; k < a.top.size(); ++k) {
      EXPECT_EQ(a.top[k].token, b.top[k].token);
      EXPECT_EQ(std::bit_cast<uint32_t>(a.top[k].logprob), std::bit_cast<uint32_t>(b.top[k].logprob));
    }
  }
}

}  // namespace pingti::testing
