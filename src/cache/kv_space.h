// The KV memory of one model: a pool of pages per KV group, page tables, and prefixes kept for reuse.
//
// Pages that only the prefix tree holds count as free, but for those a session pins: whoever needs a page
// gets the one of them that is worth least. Knows token ids and positions, never a request. Not thread-safe:
// owned by the engine's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cache/kv_pool.h"
#include "cache/page_table.h"
#include "cache/prefix_tree.h"
#include "cache/session_pins.h"

namespace pingti {

struct KvGroupShape {
  int window = 0;  // keys a query sees, itself included; 0: all
  int64_t page_bytes = 0;
  int64_t page_count = 0;
  int sinks = 0;  // with a window: first keys that every query sees as well
};

// What is kept beside the running sequences' pages.
struct KvReuse {
  bool prefixes = true;  // remember() keeps prefixes for other sequences
  RecomputeCost cost;
  SessionLimits sessions;
};

struct KvReuseStats {
  int64_t kept_bytes = 0;  // that no sequence holds
  int64_t sessions = 0;
  uint64_t evictions = 0;  // pages
};

class KvSpace {
 public:
  static Result<KvSpace> create(std::span<const KvGroupShape> groups, int page_tokens, KvReuse reuse);
  static Result<KvSpace> create(std::span<const KvGroupShape> groups, int page_tokens, bool prefixes) {
    return create(groups, page_tokens, KvReuse{.prefixes = prefixes});
  }

  PageTable make_table() const { return PageTable(pools_.size()); }

  // Makes the table cover positions [0, positions). False when pages ran out; what was added stays.
  bool extend(PageTable& table, int64_t positions);
  // The same in the groups without a window only, leaving at least `spare` pages free in each; otherwise
  // adds nothing and forgets no prefix. For taking in a sequence whose prompt is computed chunk by chunk.
  bool reserve(PageTable& table, int64_t positions, int64_t spare);
  // Gives back the pages that no query at or after `next_position` sees.
  void drop_behind(PageTable& table, int64_t next_position);
  // Gives back the pages after the first `positions` tokens, whole pages.
  void shorten(PageTable& table, int64_t positions);
  // Gives back everything; the table is empty afterwards.
  void release(PageTable& table);

  // A second table for a sequence that goes on differently after `positions` tokens: whole pages are shared,
  // an incomplete last one is copied. Nothing when pages ran out.
  std::optional<PageTable> fork(const PageTable& table, int64_t positions);

  bool reuses() const { return tree_.has_value(); }
  // Fills an empty table with the longest remembered prefix of `tokens`; returns its length in tokens.
  // Prefixes are found by those who come with the salt they were remembered under, and by nobody else.
  int64_t attach(std::span<const int32_t> tokens, PageTable& table, std::string_view salt = {});
  // The length attach() would find.
  int64_t remembered(std::span<const int32_t> tokens, std::string_view salt = {}) const;
  // Keeps the whole pages of these computed tokens, for running sequences and for later ones. May swap pages
  // of the table for pages of the same content. Cheap where there is no new whole page.
  void remember(std::span<const int32_t> tokens, PageTable& table, std::string_view salt = {});
  void forget_all();

  // Pins the remembered pages of these tokens for the conversation `key` (SessionPins).
  void keep_session(std::string_view key, std::span<const int32_t> tokens, std::string_view salt,
                    SessionPins::Clock::time_point now);
  void touch_session(std::string_view key, std::string_view salt, SessionPins::Clock::time_point now);
  // Unpins the conversation used longest ago; false if there is none. For when a sequence could not go on
  // otherwise.
  bool give_up_session();

  // Fills the empty table with what is remembered of the first `positions` tokens and makes it cover them
  // all, so that the rest can be read in from elsewhere: in groups with a window only the pages that the
  // query after them sees. Leaves at least `spare` pages free in each group. False, and an empty table, when
  // pages are short.
  bool prepare_load(std::span<const int32_t> tokens, PageTable& table, int64_t spare, std::string_view salt);

  // Longest sequence that fits when it is alone and computed in steps of at most `step` tokens.
  int64_t max_positions(int64_t step) const;
  // Share of the fullest pool held by sequences, 0..1.
  double usage() const;
  KvReuseStats reuse_stats() const;
  std::span<KvPool* const> pools() const { return pool_pointers_; }
  int page_tokens() const { return page_tokens_; }

 private:
  KvSpace() = default;
  size_t pages_for(int64_t positions) const;
  PageId allocate(size_t group);
  bool can_free(size_t group, int64_t pages) const;
  bool make_free(size_t group, int64_t pages);
  void give_back(size_t group, PageId page, bool left_behind);

  std::vector<KvPool> pools_;  // never resized after create(): pool_pointers_ and tree_ point into it
  std::vector<KvPool*> pool_pointers_;
  std::vector<KvWindow> windows_;
  int page_tokens_ = 0;
  std::vector<int64_t> page_counts_;
  std::optional<PrefixTree> tree_;
  SessionPins sessions_{SessionLimits{}};
};

}  // namespace pingti
