// Answers of a given form, by a model whose logits are noise: the same tokens as the plain loop of mask, draw
// and accept gives, alone and together, with drafts, preemption and several choices.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/speculation/ngram_drafter.h"
#include "engine/testing/engine_fixture.h"
#include "engine/testing/requests.h"
#include "grammar/output_grammar.h"

namespace pingti::testing {
namespace {

const OutputSpec kSchema{.kind = OutputKind::kJsonSchema, .text = R"({"type": "object", "properties": {
                           "name": {"type": "string", "maxLength": 6}, "n": {"type": "integer", "minimum": 0, "maximum": 99},
                           "list": {"type": "array", "items": {"enum": ["aaaa", "aaab"]}, "maxItems": 6}},
                           "required": ["name", "n", "list"]})"};
const OutputSpec kRegex{.kind = OutputKind::kRegex, .text = "(abc){4,12}[xy]{1,9}"};

std::shared_ptr<const OutputConstraint> constraint_of(Engine& engine, const OutputSpec& spec,
                                                      const std::string& start_after = {}) {
  auto constraint = engine.constraint(spec, start_after);
  EXPECT_TRUE(constraint) << constraint.error().error.to_string();
  return *constraint;
}

// The oracle: mask, draw, accept, from the plain token list.
Answer expected_constrained(const FakeModel& model, const Tokenizer& tokenizer,
                            const GenerationRequest& request, int choice) {
  Answer answer;
  answer.end = FinishEvent{.choice = choice, .reason = FinishReason::kLength};
  Sampler sampler(model.kernels(), request.sampling, kFakeVocab, request.sampling.seed, choice);
  OutputMatcher matcher(request.constraint);
  MaskStats stats;
  std::vector<int32_t> tokens = request.prompt;
  for (int64_t drawn = 1; drawn <= request.max_tokens; ++drawn) {
    std::vector<float> logits = model.logits_of(tokens);
    const std::vector<float> own = logits;
    matcher.prepare({}, &stats);
    const int32_t token =
        sampler.sample(logits, static_cast<int64_t>(tokens.size()), tokens, matcher.mask(0));
    EXPECT_TRUE(matcher.accept(token));
    answer.end->completion_tokens = drawn;
    if (token == kFakeEos) {
      answer.end->reason = FinishReason::kStop;
      break;
    }
    tokens.push_back(token);
    answer.tokens.push_back(token);
    // Logprobs are those of the model itself.
    const auto score = Sampler::logprobs(model.kernels(), own, token, 0);
    answer.logprobs.push_back({.chosen = {token, std::string(tokenizer.token_bytes(token)), score.logprob}});
  }
  Detokenizer detokenizer(tokenizer);
  for (const int32_t token : answer.tokens) answer.text += detokenizer.push(token);
  answer.text += detokenizer.finish();
  return answer;
}

std::vector<GenerationRequest> constrained_requests(Engine& engine) {
  std::mt19937 random(3);
  std::vector<GenerationRequest> requests;
  for (int i = 0; i < 12; ++i) {
    auto request = make_request(random_tokens(random, 5 + random() % 60), i % 6 == 5 ? 20 : 200,
                                i % 2 == 0 ? 0.0f : 1.0f, random());
    request.constraint = constraint_of(engine, i % 3 == 0 ? kRegex : kSchema);
    request.choices = i % 4 == 1 ? 3 : 1;
    request.top_logprobs = 0;
    requests.push_back(std::move(request));
  }
  return requests;
}

struct ConstraintCase {
  const char* name;
  EngineSetup setup;
  bool preempts = false;
};

class Constrained : public ::testing::TestWithParam<ConstraintCase> {};

TEST_P(Constrained, AnswersAreThoseOfThePlainLoop) {
  FakeEngine fake(GetParam().setup);
  const auto requests = constrained_requests(*fake.engine);
  const auto free_requests = mixed_requests(6);
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  std::vector<std::shared_ptr<RecordingSink>> free_sinks;
  for (const auto& request : requests) sinks.push_back(fake.submit(request));
  for (const auto& request : free_requests) free_sinks.push_back(fake.submit(request));
  int stopped = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    sinks[i]->wait();
    for (int choice = 0; choice < requests[i].choices; ++choice) {
      SCOPED_TRACE(::testing::Message() << "request " << i << ", choice " << choice);
      const Answer& got = sinks[i]->answer(choice);
      Answer want = expected_constrained(*fake.model, fake.engine->tokenizer(), requests[i], choice);
      expect_identical(got, want);
      if (got.end->reason == FinishReason::kStop) ++stopped;
      if (got.end->reason == FinishReason::kStop && i % 3 != 0) {
        EXPECT_TRUE(nlohmann::json::accept(got.text)) << got.text;
      }
    }
  }
  EXPECT_GT(stopped, 8);
  for (size_t i = 0; i < free_requests.size(); ++i) {
    free_sinks[i]->wait();
    expect_same(free_sinks[i]->answer(0),
                expected_answer(*fake.model, fake.engine->tokenizer(), free_requests[i], 0));
  }
  if (GetParam().preempts) {
    EXPECT_GT(fake.engine->stats().preemptions, 0u);
  }
  if (GetParam().setup.drafters) {
    EXPECT_GT(fake.engine->stats().speculation.accepted_tokens, 0u);
  }
  EXPECT_GT(fake.engine->stats().masks.seconds, 0);
  EXPECT_EQ(fake.engine->stats().grammars.compiled, 2u);
  fake.expect_clean();
}

std::vector<std::unique_ptr<Drafter>> ngram(const FakeModel&) {
  std::vector<std::unique_ptr<Drafter>> drafters;
  drafters.push_back(std::make_unique<NgramDrafter>());
  return drafters;
}

INSTANTIATE_TEST_SUITE_P(
    Setups, Constrained,
    ::testing::Values(
        ConstraintCase{"plain", {.threads = 1}}, ConstraintCase{"few_slots", {.max_sequences = 2}},
        ConstraintCase{"short_of_pages", {.pages = {20}, .context = 640}, true},
        ConstraintCase{"drafts", {.drafters = ngram, .speculation = {.adaptive = false}}},
        ConstraintCase{"drafts_short_of_pages",
                       {.pages = {20}, .context = 640, .drafters = ngram, .speculation = {.adaptive = false}},
                       true}),
    [](const auto& info) { return info.param.name; });

TEST(Constraint, BeginsAfterTheMarker) {
  FakeEngine fake;
  auto request = make_request({1, 2, 3}, 200, 1.0f);
  request.sampling.logit_bias = {{'a', 6.0f}, {kFakeEos, 6.0f}};
  request.constraint = constraint_of(*fake.engine, kRegex, "aa");
  for (uint64_t seed = 0; seed < 10; ++seed) {
    request.sampling.seed = seed;
    const auto sink = fake.answer(request);
    const std::string& text = sink->answer().text;
    const size_t at = text.find("aa");
    ASSERT_NE(at, std::string::npos) << text;
    EXPECT_EQ(text.compare(at + 2, 6, "abcabc"), 0) << text;
    EXPECT_EQ(sink->reason(), FinishReason::kStop);
  }
}

TEST(Constraint, StopStringsAndLimitsCut) {
  FakeEngine fake;
  auto request = make_request({7}, 5);
  request.constraint = constraint_of(*fake.engine, kRegex);
  EXPECT_EQ(fake.answer(request)->answer().text, "abcab");
  EXPECT_EQ(fake.answer(request)->reason(), FinishReason::kLength);
  request.max_tokens = 100;
  request.stop = {"ca"};
  EXPECT_EQ(fake.answer(request)->answer().text, "ab");
  EXPECT_EQ(fake.answer(request)->reason(), FinishReason::kStop);
  request.ignore_eos = true;
  EXPECT_FALSE(fake.engine->submit(request, std::make_shared<RecordingSink>()));
}

}  // namespace
}  // namespace pingti::testing
