// Key blocks (kernels/attention.h) of a sequence's pages: what attention and page selection both look up.
// Private to the CPU backend.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/backend.h"

namespace pingti {

constexpr int64_t kBlockPages = kAttentionBlock / kPageTokens;
using BlockPages = std::array<const std::byte*, kBlockPages>;

// Pages of a key block; null where the sequence holds none.
inline BlockPages block_pages(const AttentionLayer& layer, std::span<const PageId> table, int64_t block) {
  BlockPages pages = {};
  for (size_t i = 0; i < pages.size(); ++i) {
    const size_t index = static_cast<size_t>(block) * pages.size() + i;
    if (index < table.size() && table[index] != kNoPage) pages[i] = layer.pool->data(table[index]);
  }
  return pages;
}

// A key's place in a block, or the block's end that it lies beyond.
inline int clip_to_block(int64_t key, int64_t block) {
  return static_cast<int>(std::clamp<int64_t>(key - block * kAttentionBlock, 0, kAttentionBlock));
}

// Floats from one partial result of attend_block to the next.
constexpr int64_t partial_stride(int head_dim) { return (head_dim + 2 + 15) / 16 * 16; }

// Workspaces only ever grow.
template <class T>
void grow(std::vector<T>& values, int64_t size) {
  if (values.size() < static_cast<size_t>(size)) values.resize(static_cast<size_t>(size));
}

}  // namespace pingti
