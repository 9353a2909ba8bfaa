#include "engine/speculation/open_drafters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/testing/fake_model.h"

namespace pingti::testing {
namespace {

using ::testing::HasSubstr;

TEST(DraftVocabulary, EqualAndPaddedOnesAreTaken) {
  const Vocab target = fake_vocab();
  EXPECT_TRUE(check_same_vocabulary(target, target));
  Vocab longer = target;
  longer.tokens.push_back("<|pad|>");
  EXPECT_TRUE(check_same_vocabulary(target, longer));
  EXPECT_TRUE(check_same_vocabulary(longer, target));
}

TEST(DraftVocabulary, AnotherOneIsRefusedNamingTheDifference) {
  const Vocab target = fake_vocab();
  Vocab other = target;
  other.tokens[65] = "x";
  auto refused = check_same_vocabulary(target, other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "engine.draft_vocabulary");
  EXPECT_THAT(refused.error().message, HasSubstr("token 65 is \"x\""));
  other = target;
  other.pre = "qwen2";
  refused = check_same_vocabulary(target, other);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("\"qwen2\""));
}

TEST(SpeculationOptions, MeaninglessOnesAreRefused) {
  const auto code = [](const EngineOptions& options) {
    const auto checked = check_speculation(options);
    return checked ? std::string() : checked.error().code;
  };
  EXPECT_EQ(code({}), "");
  EXPECT_EQ(code({.speculate = "off"}), "");
  EXPECT_EQ(code({.speculate = "always"}), "engine.option");
  EXPECT_EQ(code({.speculate = "draft"}), "engine.option");
  EXPECT_EQ(code({.speculate = "draft", .draft_model_path = "small.gguf"}), "");
  EXPECT_EQ(code({.draft_max = 0}), "engine.option");
  EXPECT_EQ(code({.draft_max = 65}), "engine.option");
  EXPECT_EQ(code({.draft_max = 4, .draft_min = 5}), "engine.option");
}

TEST(MakeDrafters, AsTheOptionSays) {
  const auto count = [](const char* speculate, bool model) {
    EngineOptions options{.speculate = speculate, .max_sequences = 2, .prefill_chunk = 16};
    auto draft = model ? std::make_unique<FakeModel>(std::vector<int>{0}) : nullptr;
    const FakeModel target({0});
    const int64_t memory = draft_kv_memory(target, draft.get(), 1 << 20);
    EXPECT_EQ(memory, model ? 1 << 19 : 0);  // both hold as much per token
    return make_drafters(options, std::move(draft),
                         {.vocab = kFakeVocab, .context = 1024, .kv_memory = memory})
        ->size();
  };
  EXPECT_EQ(count("off", false), 0u);
  EXPECT_EQ(count("ngram", false), 1u);
  EXPECT_EQ(count("draft", true), 1u);
  EXPECT_EQ(count("auto", false), 1u);
  EXPECT_EQ(count("auto", true), 2u);
}

}  // namespace
}  // namespace pingti::testing
