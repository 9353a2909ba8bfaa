// Embeddings: pooled from the states of exactly the prompt's tokens, whatever else the batch holds.
#include <gtest/gtest.h>

#include "engine/testing/engine_fixture.h"
#include "engine/testing/requests.h"

namespace pingti::testing {
namespace {

GenerationRequest embedding_request(std::vector<int32_t> prompt, Pooling pooling) {
  GenerationRequest request{.prompt = std::move(prompt), .max_tokens = 0};
  request.embed = pooling;
  return request;
}

std::vector<float> expected_embedding(const FakeModel& model, const GenerationRequest& request) {
  const std::span<const int32_t> prompt(request.prompt);
  if (request.embed == Pooling::kLast) return model.state_of(prompt);
  std::vector<double> sum(kFakeHidden);
  for (size_t length = 1; length <= prompt.size(); ++length) {
    const auto state = model.state_of(prompt.first(length));
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += static_cast<double>(state[i]);
  }
  std::vector<float> mean;
  for (const double value : sum)
    mean.push_back(static_cast<float>(value / static_cast<double>(prompt.size())));
  return mean;
}

// Together with generating requests that share prefixes with them, in so few pages that some are preempted.
TEST(Embedding, IsWhatTheStatesSayAtAnyLoad) {
  for (const int chunk : {7, 64}) {
    FakeEngine engine({.pages = {64}, .prefill_chunk = chunk});
    std::mt19937 random(5);
    const auto shared = random_tokens(random, 100);
    std::vector<GenerationRequest> embeddings;
    std::vector<std::shared_ptr<RecordingSink>> sinks;
    std::vector<std::shared_ptr<RecordingSink>> others;
    for (int i = 0; i < 24; ++i) {
      std::vector<int32_t> prompt = i % 2 == 0 ? shared : std::vector<int32_t>();
      for (const int32_t token : random_tokens(random, 1 + random() % 60)) prompt.push_back(token);
      others.push_back(engine.submit(make_request(prompt, 30)));
      embeddings.push_back(
          embedding_request(std::move(prompt), i % 3 == 0 ? Pooling::kLast : Pooling::kMean));
      sinks.push_back(engine.submit(embeddings.back()));
    }
    for (size_t i = 0; i < sinks.size(); ++i) {
      sinks[i]->wait();
      ASSERT_TRUE(sinks[i]->prompt_event());
      EXPECT_EQ(sinks[i]->prompt_event()->embedding, expected_embedding(*engine.model, embeddings[i])) << i;
      EXPECT_EQ(sinks[i]->prompt_event()->prompt_tokens, std::ssize(embeddings[i].prompt));
      EXPECT_EQ(sinks[i]->reason(), FinishReason::kLength);
      EXPECT_TRUE(sinks[i]->answer().tokens.empty());
      if (embeddings[i].embed == Pooling::kMean) {
        EXPECT_EQ(sinks[i]->prompt_event()->cached_tokens, 0);
      }
    }
    for (const auto& other : others) {
      other->wait();
      EXPECT_TRUE(other->prompt_event()->embedding.empty());
    }
    engine.expect_clean();
  }
}

TEST(Embedding, IsMadeOfThePromptAlone) {
  FakeEngine engine;
  auto request = embedding_request({1, 2, 3}, Pooling::kMean);
  request.max_tokens = 1;
  auto refused = engine.engine->submit(request, std::make_shared<RecordingSink>());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "engine.embed");
}

TEST(MinTokens, NoTokenThatEndsTheAnswerComesBefore) {
  FakeEngine engine;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    auto request = make_request({1, 2, static_cast<int32_t>(seed)}, 400, 1.0f, seed);
    for (int32_t token = 0; token < 128; ++token) request.stop_tokens.push_back(token);
    EXPECT_LT(engine.answer(request)->answer().tokens.size(), 40u);  // half of the vocabulary ends it
    request.min_tokens = 50;
    const auto sink = engine.answer(request);
    EXPECT_GE(sink->answer().tokens.size(), 50u);
    EXPECT_EQ(sink->reason(), FinishReason::kStop);
    for (size_t i = 0; i < 50; ++i) EXPECT_GE(sink->answer().tokens[i], 128);
  }
}

TEST(StopTokens, AreInTheVocabulary) {
  FakeEngine engine;
  auto request = make_request({1}, 4);
  request.stop_tokens = {kFakeVocab};
  EXPECT_FALSE(engine.engine->submit(request, std::make_shared<RecordingSink>()));
}

}  // namespace
}  // namespace pingti::testing
