#include "engine/thinking.h"

#include <gtest/gtest.h>

namespace pingti {
namespace {

// One token per character of the answer (its code); what is forced takes the place of what is drawn.
std::string answer_of(const Thinking& thinking, std::string_view drawn, int64_t* tokens = nullptr) {
  ThinkingTracker tracker(&thinking);
  std::string answer;
  for (size_t at = 0; at < drawn.size();) {
    const auto forced = tracker.forced();
    const char c = forced ? static_cast<char>(*forced) : drawn[at++];
    tracker.push(c, {&c, 1});
    answer += c;
  }
  if (tokens != nullptr) *tokens = tracker.tokens();
  return answer;
}

TEST(ThinkingTracker, ForcesTheEndOnceTheBudgetIsUsedUp) {
  Thinking thinking{
      .begin = "<t>", .end = "</t>", .open = true, .max_tokens = 3, .forced = {'.', '<', '/', 't', '>'}};
  int64_t tokens = 0;
  EXPECT_EQ(answer_of(thinking, "abcdefg", &tokens), "abc.</t>defg");
  EXPECT_EQ(tokens, 8);
  EXPECT_EQ(answer_of(thinking, "a</t>b<t>cdefgh", &tokens), "a</.</t>t>b<t>cdefgh");
  thinking.max_tokens = 5;
  EXPECT_EQ(answer_of(thinking, "a</t>b<t>cdefgh", &tokens), "a</t>b<t>cdefgh");
  EXPECT_EQ(tokens, 5);
  thinking.max_tokens = 0;
  EXPECT_EQ(answer_of(thinking, "x"), ".</t>x");
}

TEST(ThinkingTracker, AnAnswerMayOpenItItself) {
  const Thinking thinking{.begin = "<t>", .end = "</t>", .max_tokens = 2, .forced = {'<', '/', 't', '>'}};
  int64_t tokens = 0;
  EXPECT_EQ(answer_of(thinking, " \n<t>abcd", &tokens), " \n<t>ab</t>cd");
  EXPECT_EQ(tokens, 7);
  EXPECT_EQ(answer_of(thinking, "<u>abcd<t>efgh", &tokens), "<u>abcd<t>efgh");
  EXPECT_EQ(tokens, 0);
}

TEST(ThinkingTracker, WithoutABudgetOrAThinkingPartNothingIsForced) {
  const Thinking thinking{.begin = "<t>", .end = "</t>", .open = true};
  EXPECT_EQ(answer_of(thinking, "abcdef"), "abcdef");
  ThinkingTracker none(nullptr);
  none.push('a', "a");
  EXPECT_FALSE(none.inside());
  EXPECT_FALSE(none.forced());
}

}  // namespace
}  // namespace pingti
