#include "cache/prefix_tree.h"

#include <algorithm>

#include "base/check.h"

namespace pingti {
namespace {

constexpr int kMostUses = 16;  // that count: what was once in demand can be outlived

}  // namespace

struct PrefixTree::Node {
  // One group's page of the node.
  struct Slot {
    PageId page = kNoPage;
    bool idle = false;
    int pins = 0;
    double rank = 0;
    uint64_t order = 0;
  };

  Node* parent = nullptr;  // null: a root
  std::string_view key;    // in the parent's map; of a root, the salt
  size_t depth = 0;        // pages up to this one; a root has none
  StringMap<std::unique_ptr<Node>> children;
  std::vector<Slot> slots;  // [group]
  int uses = 1;
  int pins = 0;  // that end here
};

PrefixTree::PrefixTree(std::span<KvPool> pools, std::span<const KvWindow> windows, int page_tokens,
                       RecomputeCost cost)
    : pools_(pools), windows_(windows.begin(), windows.end()), page_tokens_(page_tokens), cost_(cost) {
  for (const KvPool& pool : pools_)
    groups_.push_back({.owners = std::vector<Node*>(static_cast<size_t>(pool.page_count()))});
}

PrefixTree::PrefixTree(PrefixTree&&) noexcept = default;
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

std::vector<PrefixTree::Node*> PrefixTree::find(std::string_view salt,
                                                std::span<const int32_t> tokens) const {
  std::vector<Node*> path;
  const auto root = roots_.find(salt);
  if (root == roots_.end()) return path;
  const Node* node = root->second.get();
  for (size_t page = 0; page < tokens.size() / static_cast<size_t>(page_tokens_); ++page) {
    const auto child = node->children.find(key_of(tokens, page));
    if (child == node->children.end()) break;
    node = child->second.get();
    path.push_back(child->second.get());
  }
  return path;
}

// How many pages of the path can be used: all the next query sees must be there, in every group.
size_t PrefixTree::usable_depth(const std::vector<Node*>& path) const {
  const auto usable = [&](size_t depth) {
    for (size_t group = 0; group < pools_.size(); ++group) {
      for (size_t page = 0; page < depth; ++page) {
        if (is_seen(group, page, depth) && path[page]->slots[group].page == kNoPage) return false;
      }
    }
    return true;
  };
  size_t depth = path.size();
  while (depth > 0 && !usable(depth)) --depth;
  return depth;
}

int64_t PrefixTree::match_length(std::string_view salt, std::span<const int32_t> tokens) const {
  return static_cast<int64_t>(usable_depth(find(salt, tokens))) * page_tokens_;
}

int64_t PrefixTree::match(std::string_view salt, std::span<const int32_t> tokens, PageTable& table) {
  std::vector<Node*> path = find(salt, tokens);
  path.resize(usable_depth(path));
  for (Node* node : path) node->uses = std::min(node->uses + 1, kMostUses);
  for (size_t group = 0; group < pools_.size(); ++group) {
    PT_CHECK(table.pages[group].empty());
    table.pages[group].assign(path.size(), kNoPage);
    table.first_kept[group] =
        windows_[group].first_page(static_cast<int64_t>(path.size()) * page_tokens_, page_tokens_);
    for (size_t page = 0; page < path.size(); ++page) {
      if (!is_seen(group, page, path.size())) continue;
      const PageId id = path[page]->slots[group].page;
      table.pages[group][page] = id;
      pools_[group].add_reference(id);
      acquired(group, id);
    }
  }
  return static_cast<int64_t>(path.size()) * page_tokens_;
}

void PrefixTree::insert(std::string_view salt, std::span<const int32_t> tokens, PageTable& table) {
  const size_t page_count = tokens.size() / static_cast<size_t>(page_tokens_);
  if (page_count == 0) return;
  auto root = roots_.find(salt);
  if (root == roots_.end()) {
    root = roots_.emplace(std::string(salt), std::make_unique<Node>()).first;
    root->second->key = root->first;
  }
  Node* node = root->second.get();
  for (size_t page = 0; page < page_count; ++page) {
    const std::string_view key = key_of(tokens, page);
    const auto child = node->children.find(key);
    node = child != node->children.end() ? child->second.get() : add_child(node, key);
    for (size_t group = 0; group < pools_.size(); ++group) adopt(*node, group, table.pages[group][page]);
  }
  remove_empty(node);  // a window left all its pages behind
}

PrefixTree::Node* PrefixTree::add_child(Node* parent, std::string_view key) {
  std::unique_ptr<Node> made = std::make_unique<Node>();
  Node* node = made.get();
  node->parent = parent;
  node->depth = parent->depth + 1;
  node->slots.resize(pools_.size());
  // The parent is no longer a leaf.
  const auto add = [&] {
    node->key = parent->children.emplace(std::string(key), std::move(made)).first->first;
  };
  if (parent->parent == nullptr) {
    add();
  } else {
    for (size_t group = 0; group < pools_.size(); ++group) count(*parent, group, -1);
    add();
    for (size_t group = 0; group < pools_.size(); ++group) count(*parent, group, 1);
  }
  ++node_count_;
  return node;
}

// Adds the slot to the group's counts and queue, or takes it out: with -1 before a change, with 1 after it.
void PrefixTree::count(Node& node, size_t group, int sign) {
  const Node::Slot& slot = node.slots[group];
  Group& g = groups_[group];
  if (slot.page == kNoPage) return;
  if (slot.pins > 0) g.pinned += sign;
  if (!slot.idle) return;
  g.idle += sign;
  if (slot.pins > 0) return;
  g.evictable += sign;
  if (windows_[group].window == 0 && !node.children.empty()) return;
  const Place place{slot.rank, slot.order, &node};
  if (sign > 0) {
    g.queue.insert(place);
  } else {
    g.queue.erase(place);
  }
}

template <class Change>
void PrefixTree::change(Node& node, size_t group, const Change& apply) {
  count(node, group, -1);
  apply(node.slots[group]);
  count(node, group, 1);
}

// Lets node and table entry hold the same page: the node's where it has one, else the table's.
void PrefixTree::adopt(Node& node, size_t group, PageId& entry) {
  const PageId kept = node.slots[group].page;
  if (entry == kNoPage || entry == kept) return;
  KvPool& pool = pools_[group];
  if (kept == kNoPage) {
    pool.add_reference(entry);
    groups_[group].owners[static_cast<size_t>(entry)] = &node;
    change(node, group, [&](Node::Slot& slot) { slot.page = entry; });
  } else {
    pool.release(entry);
    entry = kept;
    pool.add_reference(entry);
    acquired(group, entry);
  }
}

void PrefixTree::acquired(size_t group, PageId page) {
  Node* node = groups_[group].owners[static_cast<size_t>(page)];
  if (node == nullptr || !node->slots[group].idle) return;
  change(*node, group, [](Node::Slot& slot) { slot.idle = false; });
}

void PrefixTree::released(size_t group, PageId page, bool left_behind) {
  Group& g = groups_[group];
  Node* node = g.owners[static_cast<size_t>(page)];
  if (node == nullptr || pools_[group].references(page) != 1) return;
  const double position = static_cast<double>(node->depth - 1) * page_tokens_;
  const double worth = left_behind ? 0 : (1 + cost_.per_earlier_token * position) * node->uses;
  change(*node, group, [&](Node::Slot& slot) {
    slot.idle = true;
    slot.rank = g.clock + worth;
    slot.order = ++idle_order_;
  });
}

void PrefixTree::pin_seen(Node* end, int by) {
  end->pins += by;
  for (Node* node = end; node->parent != nullptr; node = node->parent) {
    for (size_t group = 0; group < pools_.size(); ++group) {
      if (is_seen(group, node->depth - 1, end->depth))
        change(*node, group, [by](Node::Slot& slot) { slot.pins += by; });
    }
  }
}

PrefixTree::Node* PrefixTree::pin(std::string_view salt, std::span<const int32_t> tokens) {
  const std::vector<Node*> path = find(salt, tokens);
  if (path.empty()) return nullptr;
  pin_seen(path.back(), 1);
  return path.back();
}

void PrefixTree::unpin(Node* node) {
  PT_CHECK(node->pins > 0);
  pin_seen(node, -1);
  remove_empty(node);
}

bool PrefixTree::is_prefix(const Node* shorter, const Node* longer) {
  while (longer != nullptr && longer->depth > shorter->depth) longer = longer->parent;
  return longer == shorter;
}

bool PrefixTree::evict(size_t group) {
  Group& g = groups_[group];
  if (g.queue.empty()) return false;
  const auto [rank, order, node] = *g.queue.begin();
  g.clock = rank;
  ++evictions_;
  if (windows_[group].window == 0) {
    remove(node);
  } else {
    drop_page(*node, group);
    remove_empty(node);
  }
  return true;
}

void PrefixTree::drop_page(Node& node, size_t group) {
  const PageId page = node.slots[group].page;
  if (page == kNoPage) return;
  groups_[group].owners[static_cast<size_t>(page)] = nullptr;
  // Pins stay: they are on the node's place in its path, and end with it.
  change(node, group, [](Node::Slot& slot) { slot = {.pins = slot.pins}; });
  pools_[group].release(page);
}

// Takes out a leaf; a root that has lost its last child goes as well.
void PrefixTree::remove(Node* node) {
  PT_CHECK(node->children.empty() && node->pins == 0);
  for (size_t group = 0; group < pools_.size(); ++group) drop_page(*node, group);
  Node* parent = node->parent;
  if (parent->parent != nullptr) {
    for (size_t group = 0; group < pools_.size(); ++group) count(*parent, group, -1);
  }
  parent->children.erase(parent->children.find(node->key));
  --node_count_;
  if (parent->parent != nullptr) {
    for (size_t group = 0; group < pools_.size(); ++group) count(*parent, group, 1);
  } else if (parent->children.empty()) {
    roots_.erase(roots_.find(parent->key));
  }
}

// Removes the node and its ancestors as long as they are leaves without any page.
void PrefixTree::remove_empty(Node* node) {
  const auto empty = [](const Node& n) {
    return n.children.empty() && n.pins == 0 &&
           std::ranges::all_of(n.slots, [](const Node::Slot& slot) { return slot.page == kNoPage; });
  };
  while (node->parent != nullptr && empty(*node)) {
    Node* parent = node->parent;
    const bool root_goes = parent->parent == nullptr && parent->children.size() == 1;
    remove(node);
    if (root_goes) return;
    node = parent;
  }
}

void PrefixTree::clear() {
  while (!roots_.empty()) {
    Node* node = roots_.begin()->second.get();
    while (!node->children.empty()) node = node->children.begin()->second.get();
    remove(node);
  }
}

}  // namespace pingti
