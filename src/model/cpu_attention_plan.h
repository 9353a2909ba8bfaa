// How one step's attention is cut into tasks: (sequence, KV head, tile of rows, range of key blocks). It
// depends on the batch's shape, the window and the sinks alone, so all layers of a KV group share a plan, and
// often so do steps. Made and read by the thread that runs the backend; while tasks run, by all of them.
#pragma once

#include <cstdint>
#include <vector>

#include "model/backend.h"

namespace pingti {

// The blocks of keys that a tile's tokens see: [0, lead), with attention sinks, and [begin, end).
struct KeyBlocks {
  int64_t lead;
  int64_t begin;
  int64_t end;
  int64_t count() const { return lead + end - begin; }
  int64_t at(int64_t i) const { return i < lead ? i : begin + i - lead; }
};

struct AttentionTask {
  size_t slice;  // of batch.sequences
  int kv_head;
  int token_begin;  // within the slice
  int token_end;
  KeyBlocks blocks;     // of the tile's tokens
  int64_t block_begin;  // of them, the task's: blocks.at(block_begin) ...
  int64_t block_end;
  int64_t partial = -1;    // where its partials start among the split tiles', in rows
  int64_t split_tile = 0;  // index into AttentionPlan::split_tiles, where partial >= 0
};

// First key that the token at `position` sees.
constexpr int64_t first_visible(int64_t position, int window) {
  return window != 0 && position >= window ? position + 1 - window : 0;
}

struct AttentionPlan {
  std::vector<AttentionTask> tasks;        // in the order they are to be taken
  std::vector<AttentionTask> split_tiles;  // whole tiles whose blocks are split over several tasks
  std::vector<int> pieces;                 // [split_tiles] their number of tasks
  int64_t partial_rows = 0;                // of the split tiles: rows x blocks
  int64_t own_partial_rows = 0;            // most rows x blocks of a task that is not split
  int group = 0;                           // query heads per KV head
  int tile_tokens = 0;                     // most tokens of a tile
};

class AttentionPlanner {
 public:
  // tile_rows: query rows (tokens x heads of a group) per tile: enough to reuse loaded keys, few enough that
  // the tile's scores stay in the L2 cache.
  AttentionPlanner(int threads, int tile_rows) : threads_(threads), tile_rows_(tile_rows) {}

  // The plan for a layer of this window and these sinks; valid until the next call. All layers have one head
  // layout.
  const AttentionPlan& plan(const AttentionLayer& layer, const Batch& batch);

 private:
  struct Shape {
    int64_t first_position;
    int row_count;
    bool operator==(const Shape&) const = default;
  };
  struct Entry {
    int window;
    int sinks;
    std::vector<Shape> shapes;  // of the slices the plan was made for
    AttentionPlan plan;
  };

  void make(const AttentionLayer& layer, Entry& entry) const;
  static void split(AttentionPlan& plan, AttentionTask tile, int64_t piece);

  const int threads_;
  const int tile_rows_;
  std::vector<Entry> entries_;  // one per window and sinks
};

}  // namespace pingti
