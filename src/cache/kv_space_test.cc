#include "cache/kv_space.h"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <random>

namespace pingti {
namespace {

constexpr int kPage = 4;

KvSpace make_space(std::vector<KvGroupShape> groups, bool reuse = true) {
  auto space = KvSpace::create(groups, kPage, reuse);
  EXPECT_TRUE(space);
  return *std::move(space);
}

std::vector<int32_t> count_up(int32_t first, size_t count) {
  std::vector<int32_t> tokens(count);
  std::iota(tokens.begin(), tokens.end(), first);
  return tokens;
}

void stamp(KvSpace& space, PageId page, int value) { std::memcpy(space.pools()[0]->data(page), &value, 4); }
int stamp_of(KvSpace& space, PageId page) {
  int value = 0;
  std::memcpy(&value, space.pools()[0]->data(page), 4);
  return value;
}

TEST(KvSpace, ExtendsPageByPageAndGivesAllBack) {
  KvSpace space = make_space({{0, 64, 3}});
  PageTable table = space.make_table();
  EXPECT_TRUE(space.extend(table, 1));
  EXPECT_TRUE(space.extend(table, 4));
  EXPECT_EQ(space.pools()[0]->free_count(), 2);
  EXPECT_TRUE(space.extend(table, 12));
  EXPECT_FALSE(space.extend(table, 13));
  EXPECT_DOUBLE_EQ(space.usage(), 1.0);
  space.release(table);
  EXPECT_EQ(space.pools()[0]->free_count(), 3);
  EXPECT_TRUE(table.pages[0].empty());
}

TEST(KvSpace, ReserveAddsNothingUnlessItFitsWithTheSpare) {
  KvSpace space = make_space({{0, 64, 4}, {8, 64, 2}});
  PageTable table = space.make_table();
  EXPECT_FALSE(space.reserve(table, 12, 2));
  EXPECT_TRUE(table.pages[0].empty());
  EXPECT_TRUE(space.reserve(table, 12, 1));
  EXPECT_EQ(table.pages[0].size(), 3u);
  EXPECT_TRUE(table.pages[1].empty());
}

TEST(KvSpace, AWindowLeavesPagesBehindOnlyWhenNoKeyIsVisible) {
  KvSpace space = make_space({{0, 64, 8}, {6, 64, 8}});
  PageTable table = space.make_table();
  ASSERT_TRUE(space.extend(table, 12));
  space.drop_behind(table, 8);  // sees 3..8
  EXPECT_NE(table.pages[1][0], kNoPage);
  space.drop_behind(table, 9);  // sees 4..9
  EXPECT_EQ(table.pages[1][0], kNoPage);
  EXPECT_NE(table.pages[1][1], kNoPage);
  EXPECT_NE(table.pages[0][0], kNoPage);
  EXPECT_EQ(space.pools()[1]->free_count(), 6);
  space.release(table);
  EXPECT_EQ(space.pools()[1]->free_count(), 8);
}

TEST(KvSpace, SinksStayBesideTheWindow) {
  KvSpace space = make_space({{.window = 6, .page_bytes = 64, .page_count = 8, .sinks = 5}});
  PageTable table = space.make_table();
  ASSERT_TRUE(space.extend(table, 24));
  space.drop_behind(table, 11);  // sees 0..4 and 6..11
  EXPECT_EQ(space.pools()[0]->free_count(), 2);
  space.drop_behind(table, 20);  // sees 0..4 and 15..20
  EXPECT_NE(table.pages[0][0], kNoPage);
  EXPECT_NE(table.pages[0][1], kNoPage);
  EXPECT_EQ(table.pages[0][2], kNoPage);
  EXPECT_NE(table.pages[0][3], kNoPage);
  EXPECT_EQ(space.pools()[0]->free_count(), 3);
  space.drop_behind(table, 24);
  EXPECT_EQ(space.pools()[0]->free_count(), 4);
  space.release(table);
  EXPECT_EQ(space.pools()[0]->free_count(), 8);
  EXPECT_LT(space.max_positions(15), 1 << 20);  // 6 pages of window and step, one more, and 2 of sinks
  EXPECT_GT(space.max_positions(14), 1 << 20);
}

TEST(KvSpace, APrefixNeedsItsSinksAndItsWindow) {
  KvSpace space = make_space({{.window = 6, .page_bytes = 64, .page_count = 12, .sinks = 4}});
  const auto tokens = count_up(0, 25);
  PageTable table = space.make_table();
  ASSERT_TRUE(space.extend(table, 25));
  space.drop_behind(table, 24);
  space.remember(tokens, table);
  const auto pages = table.pages[0];
  space.release(table);
  PageTable same = space.make_table();
  EXPECT_EQ(space.attach(tokens, same), 24);
  EXPECT_EQ(same.pages[0], (std::vector<PageId>{pages[0], kNoPage, kNoPage, kNoPage, pages[4], pages[5]}));
  space.release(same);
  // The window of a shorter prefix is gone.
  EXPECT_EQ(space.attach(std::span(tokens).first(16), same), 4);
  space.release(same);
  space.forget_all();
  EXPECT_EQ(space.pools()[0]->free_count(), 12);
}

TEST(KvSpace, AForkSharesWholePagesAndCopiesTheIncompleteOne) {
  KvSpace space = make_space({{0, 64, 4}});
  PageTable table = space.make_table();
  ASSERT_TRUE(space.extend(table, 6));
  stamp(space, table.pages[0][1], 77);
  auto copy = space.fork(table, 6);
  ASSERT_TRUE(copy);
  EXPECT_EQ(copy->pages[0][0], table.pages[0][0]);
  EXPECT_EQ(space.pools()[0]->references(table.pages[0][0]), 2);
  EXPECT_NE(copy->pages[0][1], table.pages[0][1]);
  EXPECT_EQ(stamp_of(space, copy->pages[0][1]), 77);
  auto last = space.fork(table, 6);
  EXPECT_TRUE(last);
  EXPECT_FALSE(space.fork(table, 6));
  for (PageTable* each : {&table, &*copy, &*last}) space.release(*each);
  EXPECT_EQ(space.pools()[0]->free_count(), 4);
}

TEST(KvSpace, FindsTheLongestPrefixOfWholePages) {
  KvSpace space = make_space({{0, 64, 8}});
  PageTable table = space.make_table();
  const auto tokens = count_up(0, 11);
  ASSERT_TRUE(space.extend(table, 11));
  const std::vector<PageId> pages = table.pages[0];
  space.remember(tokens, table);
  space.release(table);
  EXPECT_EQ(space.pools()[0]->free_count(), 6);
  EXPECT_DOUBLE_EQ(space.usage(), 0.0);

  PageTable same = space.make_table();
  EXPECT_EQ(space.attach(tokens, same), 8);
  EXPECT_EQ(same.pages[0], (std::vector<PageId>{pages[0], pages[1]}));
  auto other = tokens;
  other[6] = 99;
  PageTable partial = space.make_table();
  EXPECT_EQ(space.attach(other, partial), 4);
  PageTable none = space.make_table();
  EXPECT_EQ(space.attach(std::span(tokens).subspan(4), none), 0);  // the same page at another place
  space.release(same);
  space.release(partial);
  space.forget_all();
  EXPECT_EQ(space.pools()[0]->free_count(), 8);
}

TEST(KvSpace, EvictsTheLeastRecentlyUsedLeafFirst) {
  KvSpace space = make_space({{0, 64, 4}});
  const auto old_tokens = count_up(0, 8);
  const auto new_tokens = count_up(100, 8);
  for (const auto& tokens : {old_tokens, new_tokens}) {
    PageTable table = space.make_table();
    ASSERT_TRUE(space.extend(table, 8));
    space.remember(tokens, table);
    space.release(table);
  }
  PageTable use = space.make_table();
  EXPECT_EQ(space.attach(old_tokens, use), 8);  // now the younger of the two
  space.release(use);
  PageTable table = space.make_table();
  ASSERT_TRUE(space.extend(table, 4));
  PageTable probe = space.make_table();
  EXPECT_EQ(space.attach(new_tokens, probe), 4);
  space.release(probe);
  EXPECT_EQ(space.attach(old_tokens, probe), 8);
}

TEST(KvSpace, AReservationThatCannotBeMetForgetsNothing) {
  KvSpace space = make_space({{0, 64, 4}});
  const auto tokens = count_up(0, 8);
  PageTable table = space.make_table();
  ASSERT_TRUE(space.extend(table, 8));
  space.remember(tokens, table);
  space.release(table);
  EXPECT_FALSE(space.reserve(table, 4 * kPage, /*spare=*/1));
  EXPECT_TRUE(table.pages[0].empty());
  PageTable probe = space.make_table();
  EXPECT_EQ(space.attach(tokens, probe), 8);
  space.release(probe);
  EXPECT_TRUE(space.reserve(table, 3 * kPage, /*spare=*/1));
  EXPECT_EQ(space.pools()[0]->free_count(), 1);
  space.release(table);
}

TEST(KvSpace, EqualWorkDoneTwiceIsKeptOnce) {
  KvSpace space = make_space({{0, 64, 6}});
  const auto tokens = count_up(0, 8);
  PageTable first = space.make_table();
  PageTable second = space.make_table();
  ASSERT_TRUE(space.extend(first, 8));
  ASSERT_TRUE(space.extend(second, 8));
  space.remember(tokens, first);
  space.remember(tokens, second);
  EXPECT_EQ(first.pages, second.pages);
  EXPECT_EQ(space.pools()[0]->free_count(), 4);
  space.release(first);
  space.release(second);
  PageTable all = space.make_table();
  EXPECT_TRUE(space.extend(all, 6 * kPage));
}

TEST(KvSpace, AWindowedPrefixIsUsedOnlyWhereAllItsVisiblePagesAreThere) {
  KvSpace space = make_space({{0, 64, 16}, {5, 64, 16}});
  const auto tokens = count_up(0, 24);
  PageTable table = space.make_table();
  for (int64_t position = 0; position < 24; ++position) {
    ASSERT_TRUE(space.extend(table, position + 1));
    space.drop_behind(table, position + 1);
  }
  space.remember(tokens, table);
  space.release(table);
  // Query 24 sees 20..24: page 5 alone. Query 20 sees 16..20: page 4 is gone, and so are all before.
  PageTable again = space.make_table();
  EXPECT_EQ(space.attach(tokens, again), 24);
  EXPECT_EQ(again.pages[1][4], kNoPage);
  EXPECT_NE(again.pages[1][5], kNoPage);
  space.release(again);
  EXPECT_EQ(space.attach(std::span(tokens).first(23), again), 0);
}

TEST(KvSpace, LongestSequenceCountsWindowsByWhatTheyKeep) {
  EXPECT_EQ(make_space({{0, 64, 10}}).max_positions(4), 40);
  EXPECT_EQ(make_space({{0, 64, 10}, {8, 64, 4}}).max_positions(4), 40);
  EXPECT_EQ(make_space({{0, 64, 10}, {8, 64, 3}}).max_positions(4), 12);
}

// Random sequences that share prefixes, fork, finish and run out of pages: every page's content is always
// that of its sequence, and all pages come back.
TEST(KvSpace, RandomUseKeepsContentAndLosesNoPage) {
  std::mt19937 random(3);
  KvSpace space = make_space({{0, 64, 24}, {7, 64, 20}});
  struct Live {
    std::vector<int32_t> tokens;
    PageTable table;
    int64_t computed = 0;
  };
  std::vector<Live> live;
  int finished = 0;
  int64_t reused = 0;
  const auto byte_at = [&](size_t group, PageId page, int64_t position) {
    return reinterpret_cast<int32_t*>(space.pools()[group]->data(page)) + position % kPage;
  };
  const auto check = [&](const Live& sequence) {
    for (size_t group = 0; group < 2; ++group) {
      const int64_t from = group == 0 ? 0 : std::max<int64_t>(0, sequence.computed - 7 + 1);
      for (int64_t p = from; p < sequence.computed; ++p) {
        const PageId page = sequence.table.pages[group][static_cast<size_t>(p / kPage)];
        ASSERT_NE(page, kNoPage);
        ASSERT_EQ(*byte_at(group, page, p), sequence.tokens[static_cast<size_t>(p)]);
      }
    }
  };
  for (int round = 0; round < 20000; ++round) {
    const auto choice = random() % 10;
    if (live.size() < 4 && choice < 3) {
      Live sequence;
      for (size_t i = 0, n = 1 + random() % 30; i < n; ++i)
        sequence.tokens.push_back(static_cast<int32_t>(i < 12 ? i / 8 * (random() % 2) : random() % 2));
      sequence.table = space.make_table();
      sequence.computed = space.attach(sequence.tokens, sequence.table);
      reused += sequence.computed;
      check(sequence);
      live.push_back(std::move(sequence));
    } else if (!live.empty()) {
      const size_t index = random() % live.size();
      Live& sequence = live[index];
      if (choice < 8 && sequence.computed < static_cast<int64_t>(sequence.tokens.size())) {
        if (space.extend(sequence.table, sequence.computed + 1)) {
          for (size_t group = 0; group < 2; ++group) {
            const PageId page = sequence.table.pages[group][static_cast<size_t>(sequence.computed / kPage)];
            ASSERT_EQ(space.pools()[group]->references(page), 1);
            *byte_at(group, page, sequence.computed) =
                sequence.tokens[static_cast<size_t>(sequence.computed)];
          }
          ++sequence.computed;
          space.drop_behind(sequence.table, sequence.computed);
        }
      } else if (choice == 8 && live.size() < 4) {
        if (auto copy = space.fork(sequence.table, sequence.computed)) {
          Live twin{sequence.tokens, *std::move(copy), sequence.computed};
          twin.tokens.resize(static_cast<size_t>(twin.computed));
          twin.tokens.push_back(static_cast<int32_t>(random() % 2));
          live.push_back(std::move(twin));
        }
      } else if (choice == 9) {
        if (random() % 4 != 0)
          space.remember(std::span(sequence.tokens).first(static_cast<size_t>(sequence.computed)),
                         sequence.table);
        check(sequence);
        if (random() % 2 != 0) {
          ++finished;
          space.release(sequence.table);
          live.erase(live.begin() + static_cast<std::ptrdiff_t>(index));
        }
      }
    }
  }
  for (Live& sequence : live) space.release(sequence.table);
  EXPECT_GT(finished, 1000);
  EXPECT_GT(reused, 1000);
  EXPECT_DOUBLE_EQ(space.usage(), 0.0);
  PageTable all = space.make_table();
  EXPECT_TRUE(space.extend(all, 20 * kPage));  // everything else is evictable
  space.release(all);
  space.forget_all();
  EXPECT_EQ(space.pools()[0]->free_count(), 24);
  EXPECT_EQ(space.pools()[1]->free_count(), 20);
}

}  // namespace
}  // namespace pingti
