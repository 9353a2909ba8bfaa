// Speculation changes no answer, loses no page and lets nothing of a rejected draft be found again.
#include <gtest/gtest.h>

#include <atomic>
#include <random>

#include "engine/speculation/model_drafter.h"
#include "engine/speculation/ngram_drafter.h"
#include "engine/testing/engine_fixture.h"
#include "engine/testing/requests.h"

namespace pingti::testing {
namespace {

using Drafters = std::vector<std::unique_ptr<Drafter>>;

// Knows the right tokens and says them, or others, as told: right[i % size] for the i-th guess.
class ScriptedDrafter final : public Drafter {
 public:
  ScriptedDrafter(const FakeModel* model, std::vector<bool> right, bool vary_length)
      : model_(model), right_(std::move(right)), vary_length_(vary_length) {}

  void propose(std::span<DraftTarget> targets) override {
    for (DraftTarget& target : targets) {
      std::vector<int32_t> tokens(target.tokens.begin(), target.tokens.end());
      const int count = vary_length_ ? static_cast<int>(random_() % 9) : target.most;
      for (int i = 0; i < std::min(count, target.most); ++i) {
        std::vector<float> logits = model_->logits_of(tokens);
        int32_t token = target.sampler->sample(logits, static_cast<int64_t>(tokens.size()), tokens);
        if (!right_[guesses_++ % right_.size()]) token = (token + 1) % kFakeVocab;
        tokens.push_back(token);
        target.draft.push_back({token, 0});
      }
    }
  }
  double assumed_chance(int) const override { return 0.5; }
  double seconds_per_token(int) const override { return 0; }

 private:
  const FakeModel* model_;
  std::vector<bool> right_;
  bool vary_length_;
  size_t guesses_ = 0;
  std::mt19937 random_{17};
};

template <class T, class... Rest>
Drafters drafters(std::unique_ptr<T> first, Rest... rest) {
  Drafters all;
  all.push_back(std::move(first));
  (all.push_back(std::move(rest)), ...);
  return all;
}

std::unique_ptr<ModelDrafter> fake_model_drafter(std::vector<int> windows, int64_t pages) {
  auto model = std::make_unique<FakeModel>(windows);
  std::vector<KvGroupShape> shapes;
  for (size_t g = 0; g < windows.size(); ++g)
    shapes.push_back({windows[g], model->kv_groups()[g].page_bytes, pages});
  return *ModelDrafter::create({.model = std::move(model),
                                .space = *KvSpace::create(shapes, kPageTokens, true),
                                .target_vocab = kFakeVocab,
                                .max_sequences = 32});
}

struct DrafterCase {
  const char* name;
  std::function<Drafters(const FakeModel&)> make;
};

DrafterCase scripted(const char* name, const std::vector<bool>& right, bool vary_length) {
  return {name, [=](const FakeModel& model) {
            return drafters(std::make_unique<ScriptedDrafter>(&model, right, vary_length));
          }};
}

const std::vector<DrafterCase>& drafter_cases() {
  static const std::vector<DrafterCase> kCases = {
      scripted("right", {true}, false),
      scripted("wrong", {false}, false),
      scripted("random", {true, true, false, true, true, true, true, false, true}, true),
      {"ngram", [](const FakeModel&) { return drafters(std::make_unique<NgramDrafter>()); }},
      {"model", [](const FakeModel&) { return drafters(fake_model_drafter({0}, 512)); }},
      {"model_short_of_pages", [](const FakeModel&) { return drafters(fake_model_drafter({0}, 11)); }},
      {"model_with_window", [](const FakeModel&) { return drafters(fake_model_drafter({0, 40}, 300)); }},
      {"ngram_and_model",
       [](const FakeModel&) {
         return drafters(std::make_unique<NgramDrafter>(), fake_model_drafter({0}, 512));
       }},
  };
  return kCases;
}

// All that a request can ask of its draws: penalties, truncation, stop strings, logprobs, choices.
std::vector<GenerationRequest> demanding_requests(int count) {
  auto requests = mixed_requests(count);
  for (size_t i = 0; i < requests.size(); ++i) {
    GenerationRequest& request = requests[i];
    SamplingParams& sampling = request.sampling;
    if (i % 3 == 1) request.top_logprobs = static_cast<int>(i % 4);
    if (i % 4 == 1) sampling.top_p = 0.7f;
    if (i % 5 == 2) sampling.repetition_penalty = 1.4f;
    if (i % 5 == 3) {
      sampling.presence_penalty = 0.8f;
      sampling.frequency_penalty = 0.5f;
    }
    if (i % 6 == 1) sampling.dry_multiplier = 1.0f;
    if (i % 6 == 4) sampling.top_k = 3;  // repeats itself more
    if (i % 4 == 2) request.stop = {"a", "xy", std::string(1, static_cast<char>('b' + i % 20))};
    if (i % 8 == 5) request.stop_tokens = {65, 66, 67, 68, 69, 70};
    if (i % 9 == 4) request.choices = 3;
  }
  return requests;
}

std::vector<std::shared_ptr<RecordingSink>> answer_alone(FakeEngine& fake,
                                                         const std::vector<GenerationRequest>& requests) {
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  for (const auto& request : requests) sinks.push_back(fake.answer(request));
  return sinks;
}

class Speculation : public ::testing::TestWithParam<size_t> {
 protected:
  EngineSetup with_drafters(EngineSetup setup, bool adaptive = false) const {
    setup.drafters = drafter_cases()[GetParam()].make;
    setup.speculation = {.draft_max = 9, .adaptive = adaptive};
    return setup;
  }
};

INSTANTIATE_TEST_SUITE_P(Drafters, Speculation, ::testing::Range(size_t{0}, drafter_cases().size()),
                         [](const auto& info) { return drafter_cases()[info.param].name; });

TEST_P(Speculation, ChangesNoAnswer) {
  const auto requests = demanding_requests(45);
  FakeEngine plain;
  const auto want = answer_alone(plain, requests);
  const EngineSetup setups[] = {{},
                                {.prefill_chunk = 7},
                                {.windows = {0, 50}, .pages = {512, 200}},
                                {.max_sequences = 3, .reuse = false},
                                {.pages = {20}, .context = 640}};
  for (const EngineSetup& setup : setups) {
    SCOPED_TRACE(&setup - setups);
    FakeEngine windowed({.windows = setup.windows, .pages = setup.pages});
    const auto expected = setup.windows.size() > 1 ? answer_alone(windowed, requests) : want;
    for (const bool adaptive : {false, true}) {
      FakeEngine fake(with_drafters(setup, adaptive));
      std::vector<std::shared_ptr<RecordingSink>> sinks;
      for (const auto& request : requests) sinks.push_back(fake.submit(request));
      for (size_t i = 0; i < requests.size(); ++i) {
        SCOPED_TRACE(i);
        sinks[i]->wait();
        for (int choice = 0; choice < requests[i].choices; ++choice)
          expect_identical(sinks[i]->answer(choice), expected[i]->answer(choice));
        EXPECT_EQ(sinks[i]->token_events(), expected[i]->token_events());
      }
      fake.expect_clean();
    }
  }
}

// What the prefix cache holds of these tokens, checked cell by cell.
int64_t remembered(FakeEngine& fake, const std::vector<int32_t>& tokens) {
  KvSpace& space = fake.engine->space();
  PageTable table = space.make_table();
  const int64_t length = space.attach(tokens, table);
  for (int64_t p = 0; p < length; ++p) {
    const PageId page = table.pages[0][static_cast<size_t>(p / kPageTokens)];
    const auto* cells = reinterpret_cast<const FakeModel::Cell*>(space.pools()[0]->data(page));
    EXPECT_EQ(cells[p % kPageTokens].token, tokens[static_cast<size_t>(p)]);
    EXPECT_EQ(cells[p % kPageTokens].position, p);
  }
  space.release(table);
  return length;
}

TEST_P(Speculation, LeavesTheSamePrefixesBehind) {
  auto requests = demanding_requests(30);
  FakeEngine plain;
  const auto want = answer_alone(plain, requests);
  FakeEngine fake(with_drafters({}));
  answer_alone(fake, requests);
  plain.engine->drain();
  fake.engine->drain();
  for (size_t i = 0; i < requests.size(); ++i) {
    for (int choice = 0; choice < requests[i].choices; ++choice) {
      auto tokens = requests[i].prompt;
      const Answer& answer = want[i]->answer(choice);
      tokens.insert(tokens.end(), answer.tokens.begin(), answer.tokens.end());
      EXPECT_EQ(remembered(fake, tokens), remembered(plain, tokens));
    }
  }
  EXPECT_EQ(fake.engine->stats().generated_tokens, plain.engine->stats().generated_tokens);
  EXPECT_EQ(fake.engine->space().pools()[0]->free_count(), plain.engine->space().pools()[0]->free_count());
}

TEST_P(Speculation, CancellingAtAnyTimeLosesNoPage) {
  FakeEngine fake(with_drafters({.pages = {40}, .context = 640, .max_sequences = 8, .prefill_chunk = 16}));
  const auto requests = demanding_requests(60);
  const auto sinks = fake.submit_and_cancel(requests, /*seed=*/5);
  for (const auto& sink : sinks) sink->wait();
  fake.expect_clean();
}

GenerationRequest long_request(int64_t tokens) {
  auto request = make_request({1, 2, 3, 4}, tokens, 1.0f, 77);
  request.ignore_eos = true;
  return request;
}

TEST(SpeculationSteps, RightDraftsSaveStepsAndWrongOnesDoNot) {
  FakeEngine right({.drafters = drafter_cases()[0].make, .speculation = {.draft_max = 7, .adaptive = false}});
  const auto sink = right.answer(long_request(81));
  right.engine->drain();
  EngineStats stats = right.engine->stats();
  EXPECT_EQ(stats.steps, 1u + 10u);  // the prompt's step draws one token, ten others eight each
  EXPECT_EQ(stats.speculation.drafted_tokens, 70u);
  EXPECT_EQ(stats.speculation.accepted_tokens, 70u);
  EXPECT_EQ(stats.speculation.accepted_at[6], 10u);
  EXPECT_EQ(sink->answer().end->drafted_tokens, 70);
  EXPECT_EQ(sink->answer().end->accepted_tokens, 70);

  FakeEngine wrong({.drafters = drafter_cases()[1].make, .speculation = {.draft_max = 7, .adaptive = false}});
  wrong.answer(long_request(81));
  wrong.engine->drain();
  stats = wrong.engine->stats();
  EXPECT_EQ(stats.steps, 81u);
  EXPECT_EQ(stats.speculation.accepted_tokens, 0u);
  EXPECT_GT(stats.speculation.drafted_tokens, 500u);
}

TEST(SpeculationSteps, AModelEqualToTheTargetIsAlwaysRight) {
  for (const bool sampled : {false, true}) {
    FakeEngine fake(
        {.drafters = drafter_cases()[4].make, .speculation = {.draft_max = 4, .adaptive = false}});
    auto request = long_request(101);
    request.sampling.temperature = sampled ? 1.0f : 0.0f;
    fake.answer(request);
    fake.engine->drain();
    const SpeculationStats stats = fake.engine->stats().speculation;
    EXPECT_EQ(stats.accepted_tokens, stats.drafted_tokens);
    EXPECT_EQ(stats.drafted_tokens, 80u);
  }
}

TEST(SpeculationSteps, NgramsQuoteARepetition) {
  FakeEngine fake({.windows = {2},
                   .drafters = drafter_cases()[3].make,
                   .speculation = {.draft_max = 8, .adaptive = false}});
  auto request = long_request(2000);
  request.sampling.temperature = 0;  // a greedy model that sees two tokens soon goes round in circles
  fake.answer(request);
  fake.engine->drain();
  const EngineStats stats = fake.engine->stats();
  EXPECT_GT(stats.speculation.accepted_tokens, 1000u);
  EXPECT_LT(stats.steps, 1000u);
}

TEST(SpeculationSteps, AThrowingDrafterOnlyStopsDrafting) {
  struct BadDrafter final : Drafter {
    void propose(std::span<DraftTarget>) override { throw std::bad_alloc(); }
    double assumed_chance(int) const override { return 0.5; }
    double seconds_per_token(int) const override { return 0; }
  };
  FakeEngine fake({.drafters = [](const FakeModel&) { return drafters(std::make_unique<BadDrafter>()); },
                   .speculation = {.adaptive = false}});
  const auto request = long_request(20);
  expect_same(fake.answer(request)->answer(),
              expected_answer(*fake.model, fake.engine->tokenizer(), request));
  fake.expect_clean();
}

}  // namespace
}  // namespace pingti::testing
