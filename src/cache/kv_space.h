// The KV memory of one model: a pool of pages per KV group, page tables, and prefixes kept for reuse.
//
// Pages that only the prefix tree holds count as free: whoever needs a page gets the least recently used of
// them. Knows token ids and positions, never a request. Not thread-safe: owned by the engine's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "cache/kv_pool.h"
#include "cache/page_table.h"
#include "cache/prefix_tree.h"

namespace pingti {

struct KvGroupShape {
  int window = 0;  // keys a query sees, itself included; 0: all
  int64_t page_bytes = 0;
  int64_t page_count = 0;
  int sinks = 0;  // with a window: first keys that every query sees as well
};

class KvSpace {
 public:
  // reuse: remember() keeps prefixes for later sequences.
  static Result<KvSpace> create(std::span<const KvGroupShape> groups, int page_tokens, bool reuse);

  PageTable make_table() const { return PageTable(pools_.size()); }

  // Makes the table cover positions [0, positions). False when pages ran out; what was added stays.
  bool extend(PageTable& table, int64_t positions);
  // The same in the groups without a window only, leaving at least `spare` pages free in each; otherwise
  // adds nothing and forgets no prefix. For taking in a sequence whose prompt is computed chunk by chunk.
  bool reserve(PageTable& table, int64_t positions, int64_t spare);
  // Gives back the pages that no query at or after `next_position` sees.
  void drop_behind(PageTable& table, int64_t next_position);
  // Gives back everything; the table is empty afterwards.
  void release(PageTable& table);

  // A second table for a sequence that goes on differently after `positions` tokens: whole pages are shared,
  // an incomplete last one is copied. Nothing when pages ran out.
  std::optional<PageTable> fork(const PageTable& table, int64_t positions);

  // Fills an empty table with the longest remembered prefix of `tokens`; returns its length in tokens.
  int64_t attach(std::span<const int32_t> tokens, PageTable& table);
  // Keeps the whole pages of these computed tokens for later sequences. May swap pages of the table for
  // pages of the same content.
  void remember(std::span<const int32_t> tokens, PageTable& table);
  void forget_all();

  // Longest sequence that fits when it is alone and computed in steps of at most `step` tokens.
  int64_t max_positions(int64_t step) const;
  // Share of the fullest pool held by sequences, 0..1.
  double usage() const;
  std::span<KvPool* const> pools() const { return pool_pointers_; }
  int page_tokens() const { return page_tokens_; }

 private:
  KvSpace() = default;
  size_t pages_for(int64_t positions) const;
  PageId allocate(size_t group);
  bool can_free(size_t group, int64_t pages) const;
  bool make_free(size_t group, int64_t pages);

  std::vector<KvPool> pools_;  // never resized after create(): pool_pointers_ and tree_ point into it
  std::vector<KvPool*> pool_pointers_;
  std::vector<KvWindow> windows_;
  int page_tokens_ = 0;
  std::optional<PrefixTree> tree_;
};

}  // namespace pingti
