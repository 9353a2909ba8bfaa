#include "engine/stop_matcher.h"

#include <gtest/gtest.h>

#include <random>

namespace pingti {
namespace {

struct Outcome {
  std::string shown;
  std::string stop;
  bool operator==(const Outcome&) const = default;
};

// Pushes the text in the given pieces; checks that nothing shown is ever taken back.
Outcome run(const std::vector<std::string>& stops, const std::vector<std::string>& pieces) {
  StopMatcher matcher(stops);
  Outcome outcome;
  for (const std::string& piece : pieces) {
    outcome.shown += matcher.push(piece);
    if (matcher.matched()) break;
  }
  if (!matcher.matched()) outcome.shown += matcher.finish();
  outcome.stop = matcher.matched().value_or("");
  return outcome;
}

// What it should be, found the slow way: the shortest prefix of the text that ends with a stop string.
Outcome expected(const std::vector<std::string>& stops, const std::string& text) {
  for (size_t end = 1; end <= text.size(); ++end) {
    const std::string prefix = text.substr(0, end);
    std::string longest;
    for (const std::string& stop : stops) {
      if (!stop.empty() && prefix.ends_with(stop) && stop.size() > longest.size()) longest = stop;
    }
    if (!longest.empty()) return {prefix.substr(0, end - longest.size()), longest};
  }
  return {text, ""};
}

TEST(StopMatcher, EveryWayToCutTheTextInThreeGivesTheSame) {
  const std::vector<std::string> stops = {"\n\nQ:", "aab", "终止", "ab\n"};
  for (const std::string text : {"one\n\nQ: two", "aaaab rest", "答案终止了", "aaa\n\n\nQ:", "no stop \n\n",
                                 "ab\nx", "", "终", "\n\nQ"}) {
    const Outcome want = expected(stops, text);
    for (size_t i = 0; i <= text.size(); ++i) {
      for (size_t j = i; j <= text.size(); ++j) {
        EXPECT_EQ(run(stops, {text.substr(0, i), text.substr(i, j - i), text.substr(j)}), want)
            << text << " cut at " << i << " and " << j;
      }
    }
  }
}

TEST(StopMatcher, AgreesWithTheSlowSearchOnRandomText) {
  std::mt19937 random(7);
  const auto word = [&](size_t most) {
    std::string text(random() % (most + 1), 'a');
    for (char& c : text) c = "ab"[random() % 2];
    return text;
  };
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> stops(1 + random() % 3);
    for (std::string& stop : stops) stop = word(6);
    const std::string text = word(40);
    std::vector<std::string> pieces;
    for (size_t at = 0; at < text.size();) {
      pieces.push_back(text.substr(at, 1 + random() % 4));
      at += pieces.back().size();
    }
    EXPECT_EQ(run(stops, pieces), expected(stops, text)) << text;
  }
}

TEST(StopMatcher, ShowsTextAtOnceWhenItCannotBecomeAStop) {
  StopMatcher matcher({"stop"});
  EXPECT_EQ(matcher.push("say st"), "say ");
  EXPECT_EQ(matcher.push("ay"), "stay");
  EXPECT_EQ(matcher.push("s"), "");
  EXPECT_EQ(matcher.finish(), "s");
}

TEST(StopMatcher, NothingReachesOverARestart) {
  StopMatcher matcher({"stop"});
  EXPECT_EQ(matcher.push("a st"), "a ");
  EXPECT_EQ(matcher.restart(), "st");
  EXPECT_EQ(matcher.push("op"), "op");
  EXPECT_FALSE(matcher.matched());
}

TEST(StopMatcher, NothingComesAfterAMatch) {
  StopMatcher matcher({"x"});
  EXPECT_EQ(matcher.push("axb"), "a");
  EXPECT_EQ(matcher.matched(), "x");
  EXPECT_EQ(matcher.push("more"), "");
  EXPECT_EQ(matcher.finish(), "");
}

}  // namespace
}  // namespace pingti
