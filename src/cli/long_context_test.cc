#include "cli/long_context.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <sstream>

namespace pingti {
namespace {

// A byte is a token.
std::unique_ptr<Tokenizer> byte_tokenizer() {
  Vocab vocab{.model = "gpt2", .pre = "gpt-2"};
  for (int byte = 33; byte <= 126; ++byte) vocab.tokens.emplace_back(1, static_cast<char>(byte));
  vocab.tokens.emplace_back("\xC4\xA0");  // space
  vocab.tokens.emplace_back("\xC4\x8A");  // line feed
  vocab.types.assign(vocab.tokens.size(), static_cast<int32_t>(TokenType::kNormal));
  auto tokenizer = Tokenizer::create(std::move(vocab));
  EXPECT_TRUE(tokenizer);
  return *std::move(tokenizer);
}

TEST(LongContext, ThePasskeyStandsAtItsDepth) {
  const auto tokenizer = byte_tokenizer();
  for (const char* haystack : {"", "one line\nanother line\nand a third, longer line\n"}) {
    const auto begin = make_passkey_task(*tokenizer, 3000, 0, 1, haystack);
    const auto middle = make_passkey_task(*tokenizer, 3000, 0.5, 1, haystack);
    const auto end = make_passkey_task(*tokenizer, 3000, 1, 1, haystack);
    for (const auto& task : {begin, middle, end}) {
      EXPECT_EQ(task.answers, begin.answers);
      EXPECT_EQ(task.prompt.size(), begin.prompt.size());
      EXPECT_LE(task.prompt.size() + static_cast<size_t>(task.answer_tokens), 3000u);
      EXPECT_TRUE(task.prompt.ends_with("What is the pass key? The pass key is"));
    }
    const auto place = [&](const LongContextTask& task) { return task.prompt.find(task.answers[0]); };
    EXPECT_LT(place(begin), 130u);
    EXPECT_LT(place(begin), place(middle));
    EXPECT_LT(place(middle), place(end));
    if (*haystack == '\0') {
      EXPECT_GT(begin.prompt.size(), 2800u);
      EXPECT_NEAR(static_cast<double>(place(middle)), 1500, 100);
    }
  }
  EXPECT_NE(make_passkey_task(*tokenizer, 3000, 0, 1, "").answers,
            make_passkey_task(*tokenizer, 3000, 0, 2, "").answers);
}

TEST(LongContext, TheAnswersAreTheMostFrequentWords) {
  const auto tokenizer = byte_tokenizer();
  const auto task = make_frequent_words_task(*tokenizer, 4000, 5);
  EXPECT_LE(task.prompt.size() + 32, 4000u);
  EXPECT_GT(task.prompt.size(), 3300u);
  std::map<std::string, int> counts;
  std::istringstream text(task.prompt.substr(task.prompt.find("\n\n"), task.prompt.find("Question") - 80));
  for (std::string word; text >> word;) ++counts[word];
  ASSERT_EQ(task.answers.size(), 3u);
  for (const std::string& answer : task.answers) {
    EXPECT_GE(counts[answer], 9);
    for (const auto& [word, count] : counts) {
      const bool is_answer = std::ranges::find(task.answers, word) != task.answers.end();
      if (!is_answer) {
        EXPECT_LE(3 * count, counts[answer]);
      }
    }
  }
}

TEST(LongContext, ScoresWholeWords) {
  const LongContextTask task{.prompt = "", .answers = {"123", "abc", "xyz"}, .answer_tokens = 1};
  EXPECT_DOUBLE_EQ(score(task, " 123."), 1.0 / 3);
  EXPECT_DOUBLE_EQ(score(task, "1234 0123 abcd"), 0);
  EXPECT_DOUBLE_EQ(score(task, "1234 123, abc\nxyz"), 1);
  EXPECT_DOUBLE_EQ(score(task, ""), 0);
}

}  // namespace
}  // namespace pingti
