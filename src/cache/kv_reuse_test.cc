// Reuse across salts, sessions and eviction order; and random use against a plain model of what must hold.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <set>

#include "cache/kv_space.h"

namespace pingti {
namespace {

using std::chrono::seconds;
constexpr int kPage = 4;
const SessionPins::Clock::time_point kStart{seconds(1000)};

KvSpace make_space(std::vector<KvGroupShape> groups, KvReuse reuse = {}) {
  auto space = KvSpace::create(groups, kPage, reuse);
  EXPECT_TRUE(space);
  return *std::move(space);
}

std::vector<int32_t> count_up(int32_t first, size_t count) {
  std::vector<int32_t> tokens(count);
  std::iota(tokens.begin(), tokens.end(), first);
  return tokens;
}

// Computes the tokens as a sequence of its own and leaves them to the tree.
void compute(KvSpace& space, const std::vector<int32_t>& tokens, std::string_view salt = {}) {
  PageTable table = space.make_table();
  space.attach(tokens, table, salt);
  ASSERT_TRUE(space.extend(table, static_cast<int64_t>(tokens.size())));
  space.remember(tokens, table, salt);
  space.release(table);
}

TEST(KvReuse, APrefixIsSharedWhileItsSequenceRuns) {
  KvSpace space = make_space({{0, 64, 8}});
  const auto tokens = count_up(0, 10);
  PageTable running = space.make_table();
  ASSERT_TRUE(space.extend(running, 10));
  space.remember(std::span(tokens).first(4), running);
  EXPECT_EQ(space.remembered(tokens), 4);
  space.remember(tokens, running);
  PageTable other = space.make_table();
  EXPECT_EQ(space.attach(tokens, other), 8);
  EXPECT_EQ(other.pages[0][1], running.pages[0][1]);
  space.release(running);
  EXPECT_DOUBLE_EQ(space.usage(), 2.0 / 8);
  space.release(other);
  EXPECT_DOUBLE_EQ(space.usage(), 0.0);
  EXPECT_EQ(space.reuse_stats().kept_bytes, 2 * 64);
}

TEST(KvReuse, SaltsShareNothing) {
  KvSpace space = make_space({{0, 64, 8}});
  const auto tokens = count_up(0, 8);
  compute(space, tokens, "one");
  EXPECT_EQ(space.remembered(tokens, "one"), 8);
  EXPECT_EQ(space.remembered(tokens, "two"), 0);
  EXPECT_EQ(space.remembered(tokens), 0);
  compute(space, tokens, "two");
  EXPECT_EQ(space.pools()[0]->free_count(), 4);
  space.forget_all();
  EXPECT_EQ(space.pools()[0]->free_count(), 8);
}

TEST(KvReuse, WhatIsUsedOftenOutlivesWhatWasSeenOnce) {
  KvSpace space = make_space({{0, 64, 6}});
  const auto hot = count_up(0, 8);
  for (int i = 0; i < 3; ++i) compute(space, hot);
  for (int i = 1; i <= 3; ++i) compute(space, count_up(i * 100, 12));  // each seen once, more recent
  EXPECT_EQ(space.remembered(hot), 8);
}

TEST(KvReuse, WhatIsNeverUsedAgainLeavesInTheEnd) {
  KvSpace space = make_space({{0, 64, 6}});
  const auto hot = count_up(0, 8);
  for (int i = 0; i < 5; ++i) compute(space, hot);
  for (int i = 1; i <= 60; ++i) compute(space, count_up(i * 100, 12));
  EXPECT_EQ(space.remembered(hot), 0);
}

TEST(KvReuse, PagesThatCostMoreStayLonger) {
  KvSpace space = make_space({{0, 64, 6}}, {.cost = {.per_earlier_token = 1}});
  const auto deep = count_up(0, 16);
  const auto shallow = count_up(100, 8);
  compute(space, deep);
  compute(space, shallow);  // more recent
  compute(space, count_up(200, 8));
  EXPECT_EQ(space.remembered(deep), 16);
  EXPECT_EQ(space.remembered(shallow), 0);
}

TEST(KvReuse, PagesAWindowLeftBehindGoFirst) {
  KvSpace space = make_space({{.window = 4, .page_bytes = 64, .page_count = 5}});
  const auto tokens = count_up(0, 16);
  PageTable table = space.make_table();
  for (int64_t end = 4; end <= 16; end += 4) {
    ASSERT_TRUE(space.extend(table, end));
    space.remember(std::span(tokens).first(static_cast<size_t>(end)), table);
    space.drop_behind(table, end);
  }
  space.release(table);
  EXPECT_EQ(space.remembered(std::span(tokens).first(8)), 8);  // still there
  PageTable other = space.make_table();
  ASSERT_TRUE(space.extend(other, 16));
  EXPECT_EQ(space.remembered(tokens), 16);
  EXPECT_EQ(space.remembered(std::span(tokens).first(8)), 0);
}

TEST(KvReuse, ASessionKeepsItsPagesWhateverElseHappens) {
  KvSpace space = make_space({{0, 64, 8}});
  const auto tokens = count_up(0, 12);
  compute(space, tokens, "salt");
  space.keep_session("talk", tokens, "salt", kStart);
  PageTable big = space.make_table();
  EXPECT_FALSE(space.extend(big, 6 * kPage));
  EXPECT_EQ(big.pages[0].size(), 5u);
  EXPECT_EQ(space.remembered(tokens, "salt"), 12);
  EXPECT_FALSE(space.reserve(big, 6 * kPage, 0));
  EXPECT_TRUE(space.give_up_session());
  EXPECT_TRUE(space.extend(big, 6 * kPage));
  EXPECT_FALSE(space.give_up_session());
  EXPECT_EQ(space.remembered(tokens, "salt"), 8);
}

TEST(KvReuse, ASessionFollowsItsConversation) {
  KvSpace space = make_space({{0, 64, 32}});
  const auto tokens = count_up(0, 24);
  const auto pinned = [&] {
    PageTable all = space.make_table();
    space.extend(all, 32 * kPage);
    const auto free = static_cast<int>(all.pages[0].size());
    space.release(all);
    return 32 - free;
  };
  compute(space, tokens);
  space.keep_session("talk", std::span(tokens).first(9), {}, kStart);
  EXPECT_EQ(pinned(), 2);
  compute(space, tokens);
  space.keep_session("talk", tokens, {}, kStart);
  EXPECT_EQ(pinned(), 6);
  space.keep_session("talk", std::span(tokens).first(8), {}, kStart);  // a shorter try forgets nothing
  EXPECT_EQ(pinned(), 6);
  auto other = tokens;
  other[5] = 99;
  compute(space, other);
  space.keep_session("talk", other, {}, kStart);
  EXPECT_EQ(pinned(), 6);  // another course: the first page shared, the old rest let go
  EXPECT_EQ(space.remembered(tokens), 4);
  EXPECT_EQ(space.reuse_stats().sessions, 1);
}

TEST(KvReuse, SessionsAreBoundedAndExpire) {
  KvSpace space =
      make_space({{0, 64, 40}}, {.sessions = {.keys = 3, .tokens = 9, .share = 0.1, .expiry = seconds(60)}});
  const auto sessions = [&] { return space.reuse_stats().sessions; };
  for (int i = 0; i < 5; ++i) {
    const auto tokens = count_up(i * 100, 16);
    compute(space, tokens);
    space.keep_session(std::string(1, static_cast<char>('a' + i)), tokens, {}, kStart + seconds(i));
  }
  EXPECT_EQ(sessions(), 2);  // 2 pages of a key (9 tokens), 4 pages in all
  space.touch_session("d", {}, kStart + seconds(50));
  space.keep_session("d", count_up(300, 16), {}, kStart + seconds(70));
  EXPECT_EQ(sessions(), 1);  // e was used 66 seconds ago
  space.keep_session("d", count_up(300, 16), "other salt", kStart + seconds(71));
  EXPECT_EQ(sessions(), 1);  // nothing is known under that salt
}

TEST(KvReuse, ALoadIsPreparedOnlyWhereItFits) {
  KvSpace space = make_space({{0, 64, 8}, {.window = 5, .page_bytes = 64, .page_count = 4}});
  const auto tokens = count_up(0, 24);
  PageTable load = space.make_table();
  EXPECT_FALSE(space.prepare_load(tokens, load, /*spare=*/3, {}));
  EXPECT_TRUE(load.pages[0].empty());
  ASSERT_TRUE(space.prepare_load(tokens, load, /*spare=*/2, {}));
  EXPECT_EQ(std::ranges::count(load.pages[0], kNoPage), 0);
  EXPECT_EQ(std::ranges::count(load.pages[1], kNoPage), 5);  // query 24 sees 20..24
  space.remember(tokens, load);
  space.release(load);
  EXPECT_EQ(space.remembered(tokens), 24);
  EXPECT_EQ(space.remembered(std::span(tokens).first(20)), 0);
}

// Random sequences of three salts that share prefixes, fork, remember at any time, finish, get pinned and run
// out of pages. What must hold is told from plain lists: contents, which pages are in use, pins, isolation.
class RandomUse {
 public:
  explicit RandomUse(unsigned seed, RecomputeCost cost)
      : random_(seed),
        space_(make_space({{0, 64, kFull}, {7, 64, kWindowed}},
                          {.cost = cost, .sessions = {.keys = 3, .share = 0.4, .expiry = seconds(40)}})) {}

  void run(int rounds) {
    for (int round = 0; round < rounds; ++round) {
      now_ += seconds(random_() % 3);
      step();
      if (round % 16 == 0) check_counts();
      if (::testing::Test::HasFatalFailure()) return;
    }
    for (Live& sequence : live_) space_.release(sequence.table);
    live_.clear();
    check_counts();
    EXPECT_GT(reused, 1000);
    EXPECT_GT(space_.reuse_stats().evictions, 100u);
    while (space_.give_up_session()) {
    }
    PageTable all = space_.make_table();
    EXPECT_TRUE(space_.extend(all, kWindowed * kPage));  // everything else can be evicted
    space_.release(all);
    space_.forget_all();
    EXPECT_EQ(space_.pools()[0]->free_count(), kFull);
    EXPECT_EQ(space_.pools()[1]->free_count(), kWindowed);
  }

  int64_t reused = 0;

 private:
  static constexpr int64_t kFull = 24;
  static constexpr int64_t kWindowed = 20;
  struct Live {
    int salt;
    std::vector<int32_t> tokens;
    PageTable table;
    int64_t computed = 0;
    std::string name() const { return std::string(static_cast<size_t>(salt), 's'); }
    std::span<const int32_t> done() const { return std::span(tokens).first(static_cast<size_t>(computed)); }
  };

  void step() {
    const auto choice = random_() % 11;
    if (live_.size() < 4 && choice < 3) return begin();
    if (live_.empty()) return;
    const size_t index = random_() % live_.size();
    Live& sequence = live_[index];
    if (choice < 8) {
      grow(sequence);
    } else if (choice == 8 && live_.size() < 4) {
      fork(sequence);
    } else if (choice == 9) {
      if (random_() % 4 != 0) space_.remember(sequence.done(), sequence.table, sequence.name());
      check(sequence);
    } else if (choice == 10) {
      if (random_() % 4 != 0) space_.remember(sequence.done(), sequence.table, sequence.name());
      space_.release(sequence.table);
      const std::string key(1, static_cast<char>('a' + random_() % 4));
      if (random_() % 2 == 0) space_.keep_session(key, sequence.done(), sequence.name(), now_);
      live_.erase(live_.begin() + static_cast<std::ptrdiff_t>(index));
    }
  }

  void begin() {
    Live sequence{static_cast<int>(random_() % 3), {}, space_.make_table()};
    for (size_t i = 0, n = 1 + random_() % 30; i < n; ++i)
      sequence.tokens.push_back(static_cast<int32_t>(i < 12 ? i / 8 * (random_() % 2) : random_() % 2));
    const int64_t expected = space_.remembered(sequence.tokens, sequence.name());
    sequence.computed = space_.attach(sequence.tokens, sequence.table, sequence.name());
    EXPECT_EQ(sequence.computed, expected);
    reused += sequence.computed;
    check(sequence);
    live_.push_back(std::move(sequence));
  }

  // A page's cells tell the salt as well: they must never reach another one.
  int32_t cell(const Live& sequence, int64_t position) const {
    return sequence.tokens[static_cast<size_t>(position)] + 10 * sequence.salt;
  }
  int32_t* place(size_t group, PageId page, int64_t position) {
    return reinterpret_cast<int32_t*>(space_.pools()[group]->data(page)) + position % kPage;
  }

  void grow(Live& sequence) {
    const int64_t position = sequence.computed;
    if (position == static_cast<int64_t>(sequence.tokens.size())) return;
    if (!space_.extend(sequence.table, position + 1)) {
      if (random_() % 8 == 0) space_.give_up_session();
      return;
    }
    for (size_t group = 0; group < 2; ++group) {
      const PageId page = sequence.table.pages[group][static_cast<size_t>(position / kPage)];
      ASSERT_EQ(space_.pools()[group]->references(page), 1);
      *place(group, page, position) = cell(sequence, position);
    }
    ++sequence.computed;
    if (random_() % 2 == 0) space_.remember(sequence.done(), sequence.table, sequence.name());
    space_.drop_behind(sequence.table, sequence.computed);
  }

  void fork(const Live& sequence) {
    auto copy = space_.fork(sequence.table, sequence.computed);
    if (!copy) return;
    Live twin{sequence.salt, sequence.tokens, *std::move(copy), sequence.computed};
    twin.tokens.resize(static_cast<size_t>(twin.computed));
    twin.tokens.push_back(static_cast<int32_t>(random_() % 2));
    live_.push_back(std::move(twin));
  }

  void check(const Live& sequence) {
    for (size_t group = 0; group < 2; ++group) {
      const int64_t from = group == 0 ? 0 : std::max<int64_t>(0, sequence.computed - 7 + 1);
      for (int64_t p = from; p < sequence.computed; ++p) {
        const PageId page = sequence.table.pages[group][static_cast<size_t>(p / kPage)];
        ASSERT_NE(page, kNoPage);
        ASSERT_EQ(*place(group, page, p), cell(sequence, p));
      }
    }
  }

  // usage() is what the tables hold, each page counted once.
  void check_counts() {
    double most = 0;
    const int64_t totals[] = {kFull, kWindowed};
    for (size_t group = 0; group < 2; ++group) {
      std::set<PageId> used;
      for (const Live& sequence : live_)
        used.insert(sequence.table.pages[group].begin(), sequence.table.pages[group].end());
      used.erase(kNoPage);
      most = std::max(most, static_cast<double>(used.size()) / static_cast<double>(totals[group]));
    }
    ASSERT_NEAR(space_.usage(), most, 1e-9);
  }

  std::mt19937 random_;
  KvSpace space_;
  std::vector<Live> live_;
  SessionPins::Clock::time_point now_ = kStart;
};

TEST(KvReuse, RandomUseKeepsContentSaltsAndCounts) {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    RandomUse(seed, {.per_earlier_token = seed % 2 == 0 ? 0.0 : 0.1}).run(15000);
  }
}

}  // namespace
}  // namespace pingti
