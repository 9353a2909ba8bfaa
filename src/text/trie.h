// A byte trie over a fixed set of strings: which of them start here. Immutable; any thread may read.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace pingti {

class Trie {
 public:
  using Entry = std::pair<std::string_view, int32_t>;  // a non-empty string and its value, at least 0
  struct Match {
    int32_t value = -1;
    size_t length = 0;
  };

  Trie() { roots_.fill(-1); }
  // Of equal strings the one with the lowest value counts.
  explicit Trie(std::vector<Entry> entries);

  bool may_start_with(char byte) const { return roots_[static_cast<uint8_t>(byte)] >= 0; }

  // The longest entry that text starts with; value -1 if none does.
  Match longest(std::string_view text) const {
    Match best;
    each_prefix(text, [&](size_t length, int32_t value) { best = {value, length}; });
    return best;
  }

  // visit(length, value) for each entry that text starts with, shortest first.
  template <class Visit>
  void each_prefix(std::string_view text, Visit&& visit) const {
    if (text.empty()) return;
    int32_t node = roots_[static_cast<uint8_t>(text[0])];
    for (size_t length = 1; node >= 0; ++length) {
      const Node& here = nodes_[static_cast<size_t>(node)];
      if (here.value >= 0) visit(length, here.value);
      if (length == text.size()) return;
      node = child(here, static_cast<uint8_t>(text[length]));
    }
  }

 private:
  struct Node {
    int32_t value = -1;
    int32_t first_child = 0;
    uint16_t children = 0;  // contiguous, ascending by byte
    uint8_t byte = 0;
  };
  struct Range {
    size_t begin, end;  // entries below the node
    size_t depth;
  };

  int32_t child(const Node& node, uint8_t byte) const;
  void add_children(int32_t parent, std::span<const Entry> entries, const Range& range,
                    std::vector<Range>& ranges);

  std::vector<Node> nodes_;
  std::array<int32_t, 256> roots_;
};

}  // namespace pingti
