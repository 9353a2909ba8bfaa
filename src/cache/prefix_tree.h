// Finished work found again by its token ids.
//
// A trie whose edges are the tokens of one whole page; a node holds one reference to that page in every KV
// group. The path to a node spells the whole prefix, so equal pages at different places never mix. In
// groups with a window a node may lack its page (kNoPage): such a page serves only prefixes that still see
// it.
//
// Two invariants make eviction simple: on the least-recently-used list a parent stands before its children,
// and a table that was inserted holds the tree's own pages (insert swaps duplicates), so pages in use are
// never hidden under unused ones. Not thread-safe.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cache/kv_pool.h"
#include "cache/page_table.h"

namespace pingti {

class PrefixTree {
 public:
  // pools[g] holds the pages of group g and outlives the tree.
  PrefixTree(std::span<KvPool> pools, std::span<const KvWindow> windows, int page_tokens);
  PrefixTree(PrefixTree&&) noexcept = default;
  ~PrefixTree();

  // Fills an empty table with references to the pages of the longest usable prefix of whole pages; returns
  // its length in tokens.
  int64_t match(std::span<const int32_t> tokens, PageTable& table);

  // Remembers the whole pages of `tokens`, all computed. Where the tree already holds a page of the same
  // content, the table's own page is given back and the tree's put in its place.
  void insert(std::span<const int32_t> tokens, PageTable& table);

  // Frees the least recently used page of the group that nothing but the tree holds; false if there is none.
  bool evict(size_t group);
  void clear();

  int64_t unused_pages(size_t group) const;  // that only the tree holds
  int64_t node_count() const { return static_cast<int64_t>(lru_.size()); }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  struct Node {
    Node* parent = nullptr;
    std::string_view key;  // in parent's map
    std::unordered_map<std::string, std::unique_ptr<Node>, Hash, std::equal_to<>> children;
    std::vector<PageId> pages;  // [group]
    std::list<Node*>::iterator place;
  };

  std::string_view key_of(std::span<const int32_t> tokens, size_t page) const;
  bool is_seen(size_t group, size_t page, size_t page_count) const;
  size_t usable_depth(const std::vector<Node*>& path) const;
  Node* add_child(Node* parent, std::string_view key);
  void adopt(Node& node, size_t group, PageId& entry);
  void touch(const std::vector<Node*>& path);
  void remove(Node* node);
  bool is_empty_leaf(const Node& node) const;

  std::span<KvPool> pools_;
  std::vector<KvWindow> windows_;
  int page_tokens_;
  std::unique_ptr<Node> root_;
  std::list<Node*> lru_;  // most recently used first
};

}  // namespace pingti
