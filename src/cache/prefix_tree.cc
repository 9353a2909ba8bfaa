#include "cache/prefix_tree.h"

#include <algorithm>

#include "base/check.h"

namespace pingti {

PrefixTree::PrefixTree(std::span<KvPool> pools, std::span<const KvWindow> windows, int page_tokens)
    : pools_(pools),
      windows_(windows.begin(), windows.end()),
      page_tokens_(page_tokens),
      root_(std::make_unique<Node>()) {}

PrefixTree::~PrefixTree() = default;

std::string_view PrefixTree::key_of(std::span<const int32_t> tokens, size_t page) const {
  const auto run =
      tokens.subspan(page * static_cast<size_t>(page_tokens_), static_cast<size_t>(page_tokens_));
  return {reinterpret_cast<const char*>(run.data()), run.size_bytes()};
}

// Whether the query after `page_count` whole pages sees the page.
bool PrefixTree::is_seen(size_t group, size_t page, size_t page_count) const {
  const KvWindow& window = windows_[group];
  return page < window.sink_pages(page_tokens_) ||
         page >= window.first_page(static_cast<int64_t>(page_count) * page_tokens_, page_tokens_);
}

// How many pages of the path can be used: all the next query sees must be there, in every group.
size_t PrefixTree::usable_depth(const std::vector<Node*>& path) const {
  const auto usable = [&](size_t depth) {
    for (size_t group = 0; group < pools_.size(); ++group) {
      for (size_t page = 0; page < depth; ++page) {
        if (is_seen(group, page, depth) && path[page]->pages[group] == kNoPage) return false;
      }
    }
    return true;
  };
  size_t depth = path.size();
  while (depth > 0 && !usable(depth)) --depth;
  return depth;
}

int64_t PrefixTree::match(std::span<const int32_t> tokens, PageTable& table) {
  std::vector<Node*> path;
  Node* node = root_.get();
  for (size_t page = 0; page < tokens.size() / static_cast<size_t>(page_tokens_); ++page) {
    const auto child = node->children.find(key_of(tokens, page));
    if (child == node->children.end()) break;
    node = child->second.get();
    path.push_back(node);
  }
  path.resize(usable_depth(path));
  for (size_t group = 0; group < pools_.size(); ++group) {
    PT_CHECK(table.pages[group].empty());
    table.pages[group].assign(path.size(), kNoPage);
    table.first_kept[group] =
        windows_[group].first_page(static_cast<int64_t>(path.size()) * page_tokens_, page_tokens_);
    for (size_t page = 0; page < path.size(); ++page) {
      if (!is_seen(group, page, path.size())) continue;
      table.pages[group][page] = path[page]->pages[group];
      pools_[group].add_reference(table.pages[group][page]);
    }
  }
  touch(path);
  return static_cast<int64_t>(path.size()) * page_tokens_;
}

void PrefixTree::insert(std::span<const int32_t> tokens, PageTable& table) {
  std::vector<Node*> path;
  Node* node = root_.get();
  for (size_t page = 0; page < tokens.size() / static_cast<size_t>(page_tokens_); ++page) {
    const std::string_view key = key_of(tokens, page);
    const auto child = node->children.find(key);
    node = child != node->children.end() ? child->second.get() : add_child(node, key);
    for (size_t group = 0; group < pools_.size(); ++group) adopt(*node, group, table.pages[group][page]);
    path.push_back(node);
  }
  touch(path);
}

PrefixTree::Node* PrefixTree::add_child(Node* parent, std::string_view key) {
  const auto [place, added] = parent->children.emplace(std::string(key), std::make_unique<Node>());
  PT_CHECK(added);
  Node* node = place->second.get();
  node->parent = parent;
  node->key = place->first;
  node->pages.assign(pools_.size(), kNoPage);
  lru_.push_front(node);
  node->place = lru_.begin();
  return node;
}

// Lets node and table entry hold the same page: the node's where it has one, else the table's.
void PrefixTree::adopt(Node& node, size_t group, PageId& entry) {
  PageId& kept = node.pages[group];
  if (entry == kNoPage || entry == kept) return;
  KvPool& pool = pools_[group];
  if (kept == kNoPage) {
    kept = entry;
    pool.add_reference(kept);
  } else {
    pool.release(entry);
    entry = kept;
    pool.add_reference(entry);
  }
}

// Deepest first, so that every parent ends up more recent than its children.
void PrefixTree::touch(const std::vector<Node*>& path) {
  for (auto node = path.rbegin(); node != path.rend(); ++node)
    lru_.splice(lru_.begin(), lru_, (*node)->place);
}

bool PrefixTree::evict(size_t group) {
  const bool whole_path = windows_[group].window == 0;  // nodes need this page: only leaves may go
  for (auto place = lru_.rbegin(); place != lru_.rend(); ++place) {
    Node* node = *place;
    const PageId page = node->pages[group];
    if (page == kNoPage || pools_[group].references(page) > 1) continue;
    if (whole_path) {
      if (!node->children.empty()) continue;
      remove(node);
    } else {
      pools_[group].release(page);
      node->pages[group] = kNoPage;
      while (node != root_.get() && is_empty_leaf(*node)) {
        Node* parent = node->parent;
        remove(node);
        node = parent;
      }
    }
    return true;
  }
  return false;
}

bool PrefixTree::is_empty_leaf(const Node& node) const {
  return node.children.empty() && std::ranges::all_of(node.pages, [](PageId p) { return p == kNoPage; });
}

void PrefixTree::remove(Node* node) {
  for (size_t group = 0; group < pools_.size(); ++group) {
    if (node->pages[group] != kNoPage) pools_[group].release(node->pages[group]);
  }
  lru_.erase(node->place);
  Node* parent = node->parent;
  parent->children.erase(parent->children.find(node->key));
}

void PrefixTree::clear() {
  while (!lru_.empty()) {
    Node* node = lru_.back();
    while (!node->children.empty()) node = node->children.begin()->second.get();
    remove(node);
  }
}

int64_t PrefixTree::unused_pages(size_t group) const {
  return std::ranges::count_if(lru_, [&](const Node* node) {
    return node->pages[group] != kNoPage && pools_[group].references(node->pages[group]) == 1;
  });
}

}  // namespace pingti
