// Computed tokens found again by their ids, while their sequence runs and after it has finished.
//
// A trie whose edges are the tokens of one whole page; a node holds one reference to that page in every KV
// group. The path to a node spells the whole prefix, so equal pages at different places never mix, and each
// salt has a root of its own, so prefixes of different salts never meet. In groups with a window a node may
// lack its page (kNoPage): such a page serves only prefixes that still see it.
//
// A page is idle when nothing but the tree holds it. Idle pages leave by rank (GreedyDual-Size-Frequency,
// Cherkasova 1998): the rank of the page last evicted, plus what computing it again costs times how often it
// was used. Cost grows with the position, since a late token attends to more keys. In groups without a window
// only leaves go. Pinned pages stay.
//
// Who takes or gives references to pages of the pools tells the tree (acquired, released); a table that was
// inserted holds the tree's own pages (insert swaps duplicates), so pages in use are never hidden under idle
// ones. Each operation takes O(pages of the prefix), evicting O(log pages). Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "cache/kv_pool.h"
#include "cache/page_table.h"

namespace pingti {

// Computing a token again costs 1, and so much more for every token before it.
struct RecomputeCost {
  double per_earlier_token = 0;
};

class PrefixTree {
 public:
  struct Node;

  // pools[g] holds the pages of group g and outlives the tree.
  PrefixTree(std::span<KvPool> pools, std::span<const KvWindow> windows, int page_tokens,
             RecomputeCost cost = {});
  PrefixTree(PrefixTree&&) noexcept;
  ~PrefixTree();

  // Fills an empty table with references to the pages of the longest usable prefix of whole pages; returns
  // its length in tokens.
  int64_t match(std::string_view salt, std::span<const int32_t> tokens, PageTable& table);
  // The length match() would return.
  int64_t match_length(std::string_view salt, std::span<const int32_t> tokens) const;

  // Keeps the whole pages of `tokens`, all computed. Where the tree already holds a page of the same
  // content, the table's own page is given back and the tree's put in its place.
  void insert(std::string_view salt, std::span<const int32_t> tokens, PageTable& table);

  // A reference beside the tree's was added to a page, or given back. left_behind: by a window that moved on,
  // so that only a sequence that stops here needs it.
  void acquired(size_t group, PageId page);
  void released(size_t group, PageId page, bool left_behind);

  // Keeps what the query after these whole pages sees, as far as it is there, until unpin(). Null when the
  // tree holds nothing of them. The node lives as long as a pin on it.
  Node* pin(std::string_view salt, std::span<const int32_t> tokens);
  void unpin(Node* node);
  static bool is_prefix(const Node* shorter, const Node* longer);  // or the same

  // Frees the idle page of the group that is worth least; false if there is none.
  bool evict(size_t group);
  void clear();  // nothing may be pinned

  int64_t evictable_pages(size_t group) const { return groups_[group].evictable; }
  int64_t idle_pages(size_t group) const { return groups_[group].idle; }  // pinned ones included
  int64_t pinned_pages(size_t group) const { return groups_[group].pinned; }
  int64_t node_count() const { return node_count_; }
  uint64_t evictions() const { return evictions_; }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  template <class Value>
  using StringMap = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;
  using Place = std::tuple<double, uint64_t, Node*>;  // rank, when it became idle

  struct Group {
    std::set<Place> queue;      // pages that may be evicted now
    std::vector<Node*> owners;  // [page]; null: not the tree's
    double clock = 0;           // the rank last evicted
    int64_t idle = 0;
    int64_t evictable = 0;  // idle and not pinned; some of them after others
    int64_t pinned = 0;
  };

  std::string_view key_of(std::span<const int32_t> tokens, size_t page) const;
  bool is_seen(size_t group, size_t page, size_t page_count) const;
  std::vector<Node*> find(std::string_view salt, std::span<const int32_t> tokens) const;
  size_t usable_depth(const std::vector<Node*>& path) const;
  Node* add_child(Node* parent, std::string_view key);
  void adopt(Node& node, size_t group, PageId& entry);
  void count(Node& node, size_t group, int sign);
  template <class Change>
  void change(Node& node, size_t group, const Change& apply);
  void pin_seen(Node* end, int by);
  void drop_page(Node& node, size_t group);
  void remove(Node* node);
  void remove_empty(Node* node);

  std::span<KvPool> pools_;
  std::vector<KvWindow> windows_;
  int page_tokens_;
  RecomputeCost cost_;
  std::vector<Group> groups_;
  StringMap<std::unique_ptr<Node>> roots_;  // [salt]
  int64_t node_count_ = 0;
  uint64_t idle_order_ = 0;
  uint64_t evictions_ = 0;
};

}  // namespace pingti
