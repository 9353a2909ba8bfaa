// The merging loop that all BPE kinds share: the pair with the lowest rank merges first, the leftmost of
// equals; n log n in the length of the text.
#pragma once

#include <cstdint>
#include <queue>
#include <vector>

namespace pingti {

// A stretch of the text that is one token (or an unmergeable leftover: id < 0).
struct Symbol {
  int32_t id;
  uint32_t begin, length;  // bytes
};

// What a pair of neighbours becomes; rank orders merges, lowest first.
struct Merge {
  static constexpr uint64_t kNever = ~uint64_t{0};
  uint64_t rank = kNever;
  int32_t id = -1;
};

namespace merge_detail {

constexpr size_t kShort = 24;  // up to here scanning all pairs beats a heap

template <class Lookup>
void merge_short(std::vector<Symbol>& symbols, const Lookup& lookup) {
  Merge merges[kShort];
  size_t count = symbols.size();
  for (size_t i = 0; i + 1 < count; ++i) merges[i] = lookup(symbols[i], symbols[i + 1]);
  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i) {
      if (merges[i].rank < merges[best].rank) best = i;
    }
    if (merges[best].rank == Merge::kNever) break;
    symbols[best].id = merges[best].id;
    symbols[best].length += symbols[best + 1].length;
    --count;
    for (size_t i = best + 1; i < count; ++i) {
      symbols[i] = symbols[i + 1];
      merges[i] = merges[i + 1];
    }
    if (best + 1 < count) merges[best] = lookup(symbols[best], symbols[best + 1]);
    if (best > 0) merges[best - 1] = lookup(symbols[best - 1], symbols[best]);
  }
  symbols.resize(count);
}

struct Candidate {
  uint64_t rank;
  uint32_t left, right;  // indices of the neighbours
  uint32_t length;       // their bytes together: tells whether either has changed since
  int32_t id;
};

struct LaterCandidate {
  bool operator()(const Candidate& a, const Candidate& b) const {
    return a.rank != b.rank ? a.rank > b.rank : a.left > b.left;
  }
};

template <class Lookup>
class LongMerge {
 public:
  LongMerge(std::vector<Symbol>& symbols, const Lookup& lookup) : symbols_(symbols), lookup_(lookup) {
    const size_t count = symbols.size();
    next_.resize(count);
    previous_.resize(count);
    for (uint32_t i = 0; i < count; ++i) {
      next_[i] = i + 1 < count ? i + 1 : kNone;
      previous_[i] = i > 0 ? i - 1 : kNone;
    }
    std::vector<Candidate> first;
    first.reserve(count);
    for (uint32_t i = 0; i + 1 < count; ++i) add(first, i, i + 1);
    heap_ = Heap(LaterCandidate{}, std::move(first));
  }

  void run() {
    while (!heap_.empty()) {
      const Candidate top = heap_.top();
      heap_.pop();
      if (next_[top.left] == top.right && symbols_[top.left].length > 0 &&
          symbols_[top.left].length + symbols_[top.right].length == top.length) {
        apply(top);
      }
    }
    std::erase_if(symbols_, [](const Symbol& symbol) { return symbol.length == 0; });
  }

 private:
  static constexpr uint32_t kNone = ~uint32_t{0};
  using Heap = std::priority_queue<Candidate, std::vector<Candidate>, LaterCandidate>;

  void apply(const Candidate& merge) {
    symbols_[merge.left].id = merge.id;
    symbols_[merge.left].length = merge.length;
    symbols_[merge.right].length = 0;
    const uint32_t after = next_[merge.right];
    next_[merge.left] = after;
    if (after != kNone) previous_[after] = merge.left;
    const auto push = [&](uint32_t left, uint32_t right) {
      add_one(left, right, [&](const Candidate& candidate) { heap_.push(candidate); });
    };
    if (previous_[merge.left] != kNone) push(previous_[merge.left], merge.left);
    if (after != kNone) push(merge.left, after);
  }

  void add(std::vector<Candidate>& to, uint32_t left, uint32_t right) {
    add_one(left, right, [&](const Candidate& candidate) { to.push_back(candidate); });
  }

  template <class Sink>
  void add_one(uint32_t left, uint32_t right, const Sink& sink) {
    const Symbol &a = symbols_[left], &b = symbols_[right];
    const Merge merge = lookup_(a, b);
    if (merge.rank != Merge::kNever) sink({merge.rank, left, right, a.length + b.length, merge.id});
  }

  std::vector<Symbol>& symbols_;
  const Lookup& lookup_;
  std::vector<uint32_t> next_, previous_;
  Heap heap_;
};

}  // namespace merge_detail

// lookup(left, right) -> Merge. Afterwards symbols holds what is left, in order. Symbols have at least one
// byte each and their byte ranges touch.
template <class Lookup>
void merge_symbols(std::vector<Symbol>& symbols, const Lookup& lookup) {
  if (symbols.size() <= merge_detail::kShort) {
    merge_detail::merge_short(symbols, lookup);
  } else {
    merge_detail::LongMerge<Lookup>(symbols, lookup).run();
  }
}

}  // namespace pingti
