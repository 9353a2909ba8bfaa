// What one forward pass computes: some tokens of some sequences, in one batch.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "cache/kv_pool.h"

namespace pingti {

class Adapter;  // model/model.h

// Consecutive tokens of one sequence: rows [first_row, first_row + row_count) of the batch at positions
// first_position, first_position + 1, ... The keys and values of earlier positions lie in `pages`.
struct SequenceSlice {
  int first_row = 0;
  int row_count = 0;
  int64_t first_position = 0;
  // One page table per KV group (Model::kv_groups): pages[g][position / kPageTokens]. Entries cover all
  // positions up to the last of this slice; those a window has left behind may be kNoPage.
  std::vector<std::span<const PageId>> pages;
  const Adapter* adapter = nullptr;  // of this model (Model::load_adapter); null: the base model
};

struct Batch {
  std::span<const int32_t> tokens;           // [rows]
  std::span<const SequenceSlice> sequences;  // in row order, covering all rows
  std::span<const int32_t> logit_rows;       // ascending rows whose logits are wanted
};

// The slice that holds a row of the batch.
inline const SequenceSlice& slice_of(const Batch& batch, int64_t row) {
  const auto after = std::ranges::upper_bound(batch.sequences, row, {}, &SequenceSlice::first_row);
  return *(after - 1);
}

}  // namespace pingti
