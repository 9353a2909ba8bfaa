#include "text/trie.h"

#include <algorithm>

namespace pingti {

Trie::Trie(std::vector<Entry> entries) {
  roots_.fill(-1);
  std::ranges::sort(entries);
  std::vector<Range> ranges;  // one per node, in step with nodes_
  add_children(-1, entries, {0, entries.size(), 0}, ranges);
  for (size_t root = 0; root < nodes_.size(); ++root) roots_[nodes_[root].byte] = static_cast<int32_t>(root);
  for (size_t node = 0; node < nodes_.size(); ++node) {
    Range range = ranges[node];
    const auto ends_here = [&] { return entries[range.begin].first.size() == range.depth; };
    if (ends_here()) nodes_[node].value = entries[range.begin].second;
    while (range.begin < range.end && ends_here()) ++range.begin;
    add_children(static_cast<int32_t>(node), entries, range, ranges);
  }
}

void Trie::add_children(int32_t parent, std::span<const Entry> entries, const Range& range,
                        std::vector<Range>& ranges) {
  const auto first = static_cast<int32_t>(nodes_.size());
  for (size_t begin = range.begin; begin < range.end;) {
    const char byte = entries[begin].first[range.depth];
    size_t end = begin + 1;
    while (end < range.end && entries[end].first[range.depth] == byte) ++end;
    nodes_.push_back({.byte = static_cast<uint8_t>(byte)});
    ranges.push_back({begin, end, range.depth + 1});
    begin = end;
  }
  if (parent < 0) return;
  Node& node = nodes_[static_cast<size_t>(parent)];
  node.first_child = first;
  node.children = static_cast<uint16_t>(nodes_.size() - static_cast<size_t>(first));
}

int32_t Trie::child(const Node& node, uint8_t byte) const {
  const Node* first = nodes_.data() + node.first_child;
  const Node* last = first + node.children;
  const Node* found =
      node.children <= 8
          ? std::find_if(first, last, [&](const Node& n) { return n.byte >= byte; })
          : std::lower_bound(first, last, byte, [](const Node& n, uint8_t b) { return n.byte < b; });
  return found != last && found->byte == byte ? static_cast<int32_t>(found - nodes_.data()) : -1;
}

}  // namespace pingti
