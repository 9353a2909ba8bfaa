#include "cache/kv_space.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/check.h"

namespace pingti {

Result<KvSpace> KvSpace::create(std::span<const KvGroupShape> groups, int page_tokens, KvReuse reuse) {
  PT_CHECK(page_tokens > 0);
  KvSpace space;
  space.page_tokens_ = page_tokens;
  for (const KvGroupShape& group : groups) {
    PT_TRY(KvPool pool, KvPool::create(group.page_bytes, group.page_count));
    space.pools_.push_back(std::move(pool));
    space.windows_.push_back({group.window, group.sinks});
  }
  for (KvPool& pool : space.pools_) {
    space.pool_pointers_.push_back(&pool);
    space.page_counts_.push_back(pool.page_count());
  }
  if (reuse.prefixes) space.tree_.emplace(space.pools_, space.windows_, page_tokens, reuse.cost);
  space.sessions_ = SessionPins(reuse.sessions);
  return space;
}

size_t KvSpace::pages_for(int64_t positions) const {
  return static_cast<size_t>((positions + page_tokens_ - 1) / page_tokens_);
}

bool KvSpace::make_free(size_t group, int64_t pages) {
  while (pools_[group].free_count() < pages) {
    if (!tree_ || !tree_->evict(group)) return false;
  }
  return true;
}

bool KvSpace::can_free(size_t group, int64_t pages) const {
  const int64_t free = pools_[group].free_count();
  return free >= pages || (tree_ && free + tree_->evictable_pages(group) >= pages);
}

// One reference less. The tree hears of a page that only it holds now.
void KvSpace::give_back(size_t group, PageId page, bool left_behind) {
  pools_[group].release(page);
  if (tree_) tree_->released(group, page, left_behind);
}

PageId KvSpace::allocate(size_t group) { return make_free(group, 1) ? pools_[group].allocate() : kNoPage; }

bool KvSpace::extend(PageTable& table, int64_t positions) {
  for (size_t group = 0; group < pools_.size(); ++group) {
    auto& pages = table.pages[group];
    while (pages.size() < pages_for(positions)) {
      const PageId page = allocate(group);
      if (page == kNoPage) return false;
      pages.push_back(page);
    }
  }
  return true;
}

bool KvSpace::reserve(PageTable& table, int64_t positions, int64_t spare) {
  const auto missing = [&](size_t group) {
    const size_t wanted = pages_for(positions);
    const size_t have = table.pages[group].size();
    return wanted > have ? static_cast<int64_t>(wanted - have) : 0;
  };
  for (size_t group = 0; group < pools_.size(); ++group) {
    if (windows_[group].window == 0 && !can_free(group, missing(group) + spare)) return false;
  }
  for (size_t group = 0; group < pools_.size(); ++group) {
    if (windows_[group].window == 0 && !make_free(group, missing(group) + spare)) return false;
  }
  for (size_t group = 0; group < pools_.size(); ++group) {
    if (windows_[group].window != 0) continue;
    for (int64_t count = missing(group); count > 0; --count)
      table.pages[group].push_back(pools_[group].allocate());
  }
  return true;
}

void KvSpace::drop_behind(PageTable& table, int64_t next_position) {
  for (size_t group = 0; group < pools_.size(); ++group) {
    const KvWindow& window = windows_[group];
    auto& pages = table.pages[group];
    size_t& first = table.first_kept[group];
    const size_t end = std::min(window.first_page(next_position, page_tokens_), pages.size());
    if (first < end) first = std::max(first, std::min(end, window.sink_pages(page_tokens_)));
    for (; first < end; ++first) {
      give_back(group, pages[first], /*left_behind=*/true);
      pages[first] = kNoPage;
    }
  }
}

void KvSpace::shorten(PageTable& table, int64_t positions) {
  for (size_t group = 0; group < pools_.size(); ++group) {
    auto& pages = table.pages[group];
    for (; pages.size() > pages_for(positions); pages.pop_back()) {
      if (pages.back() != kNoPage) give_back(group, pages.back(), /*left_behind=*/false);
    }
  }
}

void KvSpace::release(PageTable& table) {
  for (size_t group = 0; group < pools_.size(); ++group) {
    for (const PageId page : table.pages[group]) {
      if (page != kNoPage) give_back(group, page, /*left_behind=*/false);
    }
  }
  table = make_table();
}

std::optional<PageTable> KvSpace::fork(const PageTable& table, int64_t positions) {
  const size_t whole = static_cast<size_t>(positions / page_tokens_);
  const bool partial = positions % page_tokens_ != 0;
  PageTable copy = make_table();
  for (size_t group = 0; group < pools_.size(); ++group) {
    const auto& from = table.pages[group];
    auto& to = copy.pages[group];
    copy.first_kept[group] = table.first_kept[group];
    copy.remembered = std::min(table.remembered, whole);
    to.assign(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(whole));
    for (const PageId page : to) {
      if (page != kNoPage) pools_[group].add_reference(page);
    }
    if (!partial) continue;
    const PageId page = allocate(group);
    if (page == kNoPage) {
      release(copy);
      return std::nullopt;
    }
    std::memcpy(pools_[group].data(page), pools_[group].data(from[whole]),
                static_cast<size_t>(pools_[group].page_bytes()));
    to.push_back(page);
  }
  return copy;
}

int64_t KvSpace::attach(std::span<const int32_t> tokens, PageTable& table, std::string_view salt) {
  if (!tree_) return 0;
  const int64_t length = tree_->match(salt, tokens, table);
  table.remembered = static_cast<size_t>(length / page_tokens_);
  return length;
}

int64_t KvSpace::remembered(std::span<const int32_t> tokens, std::string_view salt) const {
  return tree_ ? tree_->match_length(salt, tokens) : 0;
}

void KvSpace::remember(std::span<const int32_t> tokens, PageTable& table, std::string_view salt) {
  const size_t pages = tokens.size() / static_cast<size_t>(page_tokens_);
  if (!tree_ || pages <= table.remembered) return;
  tree_->insert(salt, tokens, table);
  table.remembered = pages;
}

void KvSpace::forget_all() {
  if (!tree_) return;
  sessions_.clear(*tree_);
  tree_->clear();
}

void KvSpace::keep_session(std::string_view key, std::span<const int32_t> tokens, std::string_view salt,
                           SessionPins::Clock::time_point now) {
  if (tree_) sessions_.keep(*tree_, salt, key, tokens, page_tokens_, page_counts_, now);
}

void KvSpace::touch_session(std::string_view key, std::string_view salt, SessionPins::Clock::time_point now) {
  sessions_.touch(salt, key, now);
}

bool KvSpace::give_up_session() { return tree_ && sessions_.give_up_one(*tree_); }

bool KvSpace::prepare_load(std::span<const int32_t> tokens, PageTable& table, int64_t spare,
                           std::string_view salt) {
  const auto positions = static_cast<int64_t>(tokens.size());
  attach(tokens, table, salt);
  if (reserve(table, positions, spare)) {
    bool fits = true;
    for (size_t group = 0; fits && group < pools_.size(); ++group) {
      auto& pages = table.pages[group];
      const size_t first = windows_[group].first_page(positions, page_tokens_);
      while (fits && pages.size() < pages_for(positions)) {
        const bool seen = pages.size() < windows_[group].sink_pages(page_tokens_) || pages.size() >= first;
        pages.push_back(seen && make_free(group, spare + 1) ? pools_[group].allocate() : kNoPage);
        fits = !seen || pages.back() != kNoPage;
      }
    }
    if (fits) return true;
  }
  release(table);
  return false;
}

int64_t KvSpace::max_positions(int64_t step) const {
  int64_t most = std::numeric_limits<int64_t>::max();
  for (size_t group = 0; group < pools_.size(); ++group) {
    const int64_t pages = pools_[group].page_count();
    // A window's keys and one step's, each starting anywhere in a page.
    const KvWindow& window = windows_[group];
    const size_t held = pages_for(window.window + step) + 1 + window.sink_pages(page_tokens_);
    const bool holds_window = window.window != 0 && pages >= static_cast<int64_t>(held);
    if (!holds_window) most = std::min(most, pages * page_tokens_);
  }
  return most;
}

double KvSpace::usage() const {
  double most = 0;
  for (size_t group = 0; group < pools_.size(); ++group) {
    const int64_t idle = pools_[group].free_count() + (tree_ ? tree_->idle_pages(group) : 0);
    const auto total = static_cast<double>(pools_[group].page_count());
    most = std::max(most, 1.0 - static_cast<double>(idle) / total);
  }
  return most;
}

KvReuseStats KvSpace::reuse_stats() const {
  if (!tree_) return {};
  KvReuseStats stats{.sessions = sessions_.count(), .evictions = tree_->evictions()};
  for (size_t group = 0; group < pools_.size(); ++group)
    stats.kept_bytes += tree_->idle_pages(group) * pools_[group].page_bytes();
  return stats;
}

}  // namespace pingti
