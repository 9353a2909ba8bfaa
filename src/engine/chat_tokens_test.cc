#include "engine/chat_tokens.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "text/small_vocabs.h"
#include "text/tokenizer.h"

namespace pingti {
namespace {

std::vector<int32_t> encoded(bool add_bos, std::string_view rendered) {
  Vocab vocab = small_sentencepiece_vocab("llama", true);
  vocab.add_bos = add_bos;
  const auto tokenizer = Tokenizer::create(std::move(vocab));
  EXPECT_TRUE(tokenizer) << tokenizer.error().to_string();
  return encode_chat(**tokenizer, rendered);
}

constexpr int32_t kBos = 1;  // "<s>"

TEST(EncodeChat, AModelThatWantsABeginningTokenGetsExactlyOne) {
  for (const char* rendered : {"<|im_start|>hello", "<s><|im_start|>hello", ""}) {
    const auto tokens = encoded(true, rendered);
    ASSERT_FALSE(tokens.empty()) << rendered;
    EXPECT_EQ(tokens.front(), kBos) << rendered;
    EXPECT_EQ(std::ranges::count(tokens, kBos), 1) << rendered;
  }
  EXPECT_EQ(encoded(true, "<|im_start|>hello"), encoded(true, "<s><|im_start|>hello"));
}

TEST(EncodeChat, AModelThatWantsNoneGetsWhatTheTemplateSpells) {
  EXPECT_EQ(std::ranges::count(encoded(false, "<|im_start|>hello"), kBos), 0);
  EXPECT_EQ(std::ranges::count(encoded(false, "<s><|im_start|>hello"), kBos), 1);
  EXPECT_TRUE(encoded(false, "").empty());
}

}  // namespace
}  // namespace pingti
