#include "engine/speculation/ngram_index.h"

#include <gtest/gtest.h>

#include <random>

namespace pingti {
namespace {

using Tokens = std::vector<int32_t>;

int common_end(const Tokens& tokens, size_t a, size_t b) {
  int length = 0;
  while (length <= static_cast<int>(a) && length < NgramIndex::kLongest &&
         tokens[a - static_cast<size_t>(length)] == tokens[b - static_cast<size_t>(length)])
    ++length;
  return length;
}

// The longest match of the last token's context by looking everywhere.
int longest(const Tokens& tokens) {
  int best = 0;
  for (size_t end = 0; end + 1 < tokens.size(); ++end)
    best = std::max(best, common_end(tokens, end, tokens.size() - 1));
  return best >= 2 ? best : 0;
}

TEST(NgramIndex, FindsTheLongestMatchAndTheMostRecentOfEqual) {
  NgramIndex index;
  const Tokens tokens = {1, 2, 3, 4, 9, 1, 2, 3, 5, 9, 2, 3, 6, 9, 1, 2, 3};
  index.extend(tokens);
  const auto match = index.find(tokens);
  ASSERT_TRUE(match);
  EXPECT_EQ(match->length, 4);  // 9 1 2 3, not the more recent 2 3
  EXPECT_EQ(match->next, 8);

  NgramIndex other;
  const Tokens equal = {1, 2, 7, 1, 2, 8, 1, 2};
  other.extend(equal);
  EXPECT_EQ(other.find(equal)->next, 5);
}

TEST(NgramIndex, OneTokenInCommonIsNoMatch) {
  NgramIndex index;
  const Tokens tokens = {1, 5, 2, 5, 3, 5};
  index.extend(tokens);
  EXPECT_FALSE(index.find(tokens));
  NgramIndex empty;
  EXPECT_FALSE(empty.find({}));
}

TEST(NgramIndex, AgreesWithLookingEverywhereWhereFewPlacesMatch) {
  std::mt19937 random(3);
  Tokens tokens;
  NgramIndex index;
  for (int step = 0; step < 3000; ++step) {
    if (tokens.size() > 30 && random() % 30 == 0) {  // a quotation
      const size_t from = random() % (tokens.size() - 20);
      for (size_t i = 0; i < 20; ++i) tokens.push_back(tokens[from + i]);
    } else {
      tokens.push_back(static_cast<int32_t>(random() % 200));
    }
    index.extend(tokens);
    const auto match = index.find(tokens);
    ASSERT_EQ(match ? match->length : 0, longest(tokens)) << "after " << tokens.size();
    if (match) {
      ASSERT_EQ(common_end(tokens, static_cast<size_t>(match->next) - 1, tokens.size() - 1), match->length);
    }
  }
}

TEST(NgramIndex, AMatchIsFollowedThroughAnyNumberOfOthers) {
  Tokens tokens;
  for (int i = 0; i < 100; ++i) tokens.push_back(1000 + i);  // to be quoted: 1000 1001 1002 ...
  for (int i = 0; i < 500; ++i) {                            // in a sea of 7 8 9 10
    for (int32_t t = 7; t <= 10; ++t) tokens.push_back(t);
    tokens.push_back(20 + i);
  }
  const Tokens middle = {7, 8, 9, 10};
  tokens.insert(tokens.begin() + 50, middle.begin(), middle.end());
  NgramIndex index;
  for (size_t i = 44; i < 54; ++i) {
    tokens.push_back(tokens[i]);
    index.extend(tokens);
    const auto match = index.find(tokens);
    if (i < 46) continue;
    ASSERT_TRUE(match);
    EXPECT_EQ(match->next, static_cast<int64_t>(i) + 1);
  }
}

}  // namespace
}  // namespace pingti
