#include "engine/text_stream.h"

#include <gtest/gtest.h>

#include "engine/testing/fake_model.h"

namespace pingti::testing {
namespace {

TEST(TextStream, ShowsTheControlTokensThatAreAskedFor) {
  const auto tokenizer = Tokenizer::create(fake_vocab());
  ASSERT_TRUE(tokenizer);
  const std::vector<int32_t> none;
  const std::vector<int32_t> shown = {kFakeEos};
  TextStream hiding(**tokenizer, {}, none);
  TextStream showing(**tokenizer, {}, shown);
  for (const int32_t token : {int32_t{'a'}, int32_t{kFakeEos}}) {
    EXPECT_EQ(hiding.push(token), token == 'a' ? "a" : "");
    EXPECT_EQ(showing.push(token), token == 'a' ? "a" : "<|end|>");
  }
}

}  // namespace
}  // namespace pingti::testing
