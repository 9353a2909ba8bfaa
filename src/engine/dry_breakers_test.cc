#include "engine/dry_breakers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "text/small_vocabs.h"
#include "text/tokenizer.h"

namespace pingti {
namespace {

using ::testing::ElementsAre;

TEST(DryBreakers, AreTheTokensOfTheTextsWithoutAnyAdded) {
  Vocab vocab = small_byte_level_vocab("gpt-2");
  vocab.bos = 0;
  vocab.add_bos = true;
  const auto tokenizer = Tokenizer::create(std::move(vocab));
  ASSERT_TRUE(tokenizer) << tokenizer.error().to_string();
  const std::vector<std::string> texts = {"\n", "<|im_end|>", ":*"};
  const auto sequences = dry_breakers(**tokenizer, texts);
  ASSERT_EQ(sequences.size(), texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    std::string spelled;
    for (const int32_t token : sequences[i]) spelled += (*tokenizer)->token_bytes(token);
    EXPECT_EQ(spelled, texts[i]);
  }
  EXPECT_EQ(sequences[1].size(), 1u) << "a special token is one token";
  EXPECT_TRUE(dry_breakers(**tokenizer, {}).empty());
}

TEST(DryBreakers, DefaultsAreThoseOfLlamaServer) {
  EXPECT_THAT(default_dry_breakers(), ElementsAre("\n", ":", "\"", "*"));
}

}  // namespace
}  // namespace pingti
