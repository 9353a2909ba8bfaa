#include "model/cpu_attention_plan.h"

#include <algorithm>

namespace pingti {
namespace {

// For tokens at positions [first, last].
KeyBlocks visible_blocks(int window, int sinks, int64_t first, int64_t last) {
  const int64_t begin = first_visible(first, window) / kAttentionBlock;
  const int64_t sink_blocks = (sinks + kAttentionBlock - 1) / kAttentionBlock;
  return {.lead = std::min(begin, sink_blocks), .begin = begin, .end = last / kAttentionBlock + 1};
}

}  // namespace

const AttentionPlan& AttentionPlanner::plan(const AttentionLayer& layer, const Batch& batch) {
  auto entry = std::ranges::find_if(entries_, [&layer](const Entry& made) {
    return made.window == layer.window && made.sinks == layer.sinks;
  });
  if (entry == entries_.end()) entry = entries_.insert(entry, Entry{layer.window, layer.sinks, {}, {}});
  const bool known =
      std::ranges::equal(entry->shapes, batch.sequences, [](const Shape& shape, const SequenceSlice& slice) {
        return shape == Shape{slice.first_position, slice.row_count};
      });
  if (!known) {
    entry->shapes.clear();
    for (const SequenceSlice& slice : batch.sequences)
      entry->shapes.push_back({slice.first_position, slice.row_count});
    make(layer, *entry);
  }
  return entry->plan;
}

void AttentionPlanner::make(const AttentionLayer& layer, Entry& entry) const {
  const int kv_heads = layer.config->kv_heads;
  AttentionPlan& plan = entry.plan;
  plan = {};
  plan.group = layer.config->heads / kv_heads;
  plan.tile_tokens = std::max(1, tile_rows_ / plan.group);
  int64_t tiles = 0;
  for (const Shape& shape : entry.shapes) {
    tiles += int64_t{kv_heads} * ((shape.row_count + plan.tile_tokens - 1) / plan.tile_tokens);
  }
  // Too few tiles to keep the threads busy evenly: split along the keys as well.
  const bool may_split = threads_ > 1 && tiles < threads_ * 4;
  for (size_t slice = 0; slice < entry.shapes.size(); ++slice) {
    const Shape& shape = entry.shapes[slice];
    for (int begin = 0; begin < shape.row_count; begin += plan.tile_tokens) {
      const int end = std::min(shape.row_count, begin + plan.tile_tokens);
      const KeyBlocks visible = visible_blocks(entry.window, entry.sinks, shape.first_position + begin,
                                               shape.first_position + end - 1);
      const int64_t blocks = visible.count();
      for (int head = 0; head < kv_heads; ++head) {
        const AttentionTask tile{slice, head, begin, end, visible, 0, blocks};
        if (may_split && blocks > 1) {
          split(plan, tile, std::max<int64_t>(1, blocks / (threads_ * 4)));
        } else {
          plan.tasks.push_back(tile);
          plan.own_partial_rows = std::max(plan.own_partial_rows, int64_t{end - begin} * plan.group * blocks);
        }
      }
    }
  }
  // Long tiles first, so that the threads end together.
  if (!may_split) std::ranges::reverse(plan.tasks);
}

void AttentionPlanner::split(AttentionPlan& plan, AttentionTask tile, int64_t piece) {
  tile.partial = plan.partial_rows;
  tile.split_tile = static_cast<int64_t>(plan.split_tiles.size());
  plan.partial_rows += int64_t{tile.token_end - tile.token_begin} * plan.group * tile.block_end;
  plan.split_tiles.push_back(tile);
  plan.pieces.push_back(0);
  for (int64_t block = 0; block < tile.block_end; block += piece) {
    AttentionTask task = tile;
    task.block_begin = block;
    task.block_end = std::min(tile.block_end, block + piece);
    task.partial = tile.partial + block;
    plan.tasks.push_back(task);
    ++plan.pieces.back();
  }
}

}  // namespace pingti
