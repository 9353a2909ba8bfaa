#include "model/cpu_attention.h"

#include <algorithm>
#include <atomic>
#include <limits>

#include "model/attention_blocks.h"

namespace pingti {

// On the caller's thread, where running out of memory can be told.
void CpuAttention::size_workspaces(const AttentionPlan& plan, int head_dim) {
  const int64_t stride = partial_stride(head_dim);
  grow(partials_, plan.partial_rows * stride);
  const int rows = plan.tile_tokens * plan.group;
  for (Workspace& workspace : workspaces_) {
    grow(workspace.rows, rows);
    grow(workspace.scratch, attend_scratch_floats(rows));
    grow(workspace.partials, plan.own_partial_rows * stride);
  }
}

void CpuAttention::run(const AttentionLayer& layer, const Batch& batch, const float* qkv, CpuOperand& out,
                       int scale_block) {
  const int head_dim = layer.config->head_dim;
  if (layer.sparse != nullptr) selection_.choose(layer, batch, qkv);
  if (count_) count(layer, batch);
  const AttentionPlan& plan = planner_.plan(layer, batch);
  size_workspaces(plan, head_dim);
  unfinished_.assign(plan.pieces.begin(), plan.pieces.end());
  // Values that share a scale may only be quantized by a task that owns them all.
  const bool own_blocks = scale_block == 0 || int64_t{plan.group} * head_dim % scale_block == 0;
  const Call call{layer, batch, plan, qkv, out, own_blocks ? scale_block : 0};

  threads_.for_each(static_cast<int64_t>(plan.tasks.size()), [&](int64_t index, int thread) {
    run_task(call, plan.tasks[static_cast<size_t>(index)], workspaces_[static_cast<size_t>(thread)]);
  });
  if (!own_blocks) {
    for (size_t row = 0; row < batch.tokens.size(); ++row) {
      const auto index = static_cast<int64_t>(row);
      kernels_.quantize(out.row(index), out.width, scale_block, out.row_int8(index));
    }
  }
}

void CpuAttention::run_task(const Call& call, const AttentionTask& task, Workspace& workspace) {
  if (task.partial < 0) {
    float* partials = workspace.partials.data();
    attend(call, task, partials, workspace);
    return merge(call, task, partials);
  }
  const int64_t stride = partial_stride(call.layer.config->head_dim);
  const auto split_tile = static_cast<size_t>(task.split_tile);
  const AttentionTask& tile = call.plan.split_tiles[split_tile];
  attend(call, task, partials_.data() + task.partial * stride, workspace);
  // Whoever ends last has all pieces before it.
  if (std::atomic_ref(unfinished_[split_tile]).fetch_sub(1, std::memory_order_acq_rel) == 1) {
    merge(call, tile, partials_.data() + tile.partial * stride);
  }
}

// What the task's rows see of the block; false: nothing.
bool CpuAttention::fill_rows(const Call& call, const AttentionTask& task, int64_t block,
                             Workspace& workspace) const {
  const AttentionLayer& layer = call.layer;
  const ModelConfig& config = *layer.config;
  const int group = call.plan.group;
  const int64_t width = int64_t{config.heads + 2 * config.kv_heads} * config.head_dim;
  const SequenceSlice& slice = call.batch.sequences[task.slice];
  bool any = false;
  for (int token = task.token_begin; token < task.token_end; ++token) {
    const int64_t position = slice.first_position + token;
    const int64_t row = slice.first_row + token;
    const float* q = call.qkv + row * width + int64_t{task.kv_head} * group * config.head_dim;
    AttendRow seen{.q = q,
                   .key_begin = clip_to_block(first_visible(position, layer.window), block),
                   .key_end = clip_to_block(position + 1, block),
                   .sink_end = clip_to_block(std::min<int64_t>(layer.sinks, position + 1), block)};
    if (layer.sparse != nullptr) seen.page_mask = selection_.mask(row, task.kv_head, block);
    any = any || seen.page_mask != 0;
    for (int head = 0; head < group; ++head) {
      seen.q = q + head * config.head_dim;
      workspace.rows[static_cast<size_t>((token - task.token_begin) * group + head)] = seen;
    }
  }
  return any;
}

// Partials of the task's blocks; a row's partials are as many apart as its tile has blocks.
void CpuAttention::attend(const Call& call, const AttentionTask& task, float* partials,
                          Workspace& workspace) const {
  const AttentionLayer& layer = call.layer;
  const ModelConfig& config = *layer.config;
  const int64_t stride = partial_stride(config.head_dim);
  const int64_t row_stride = task.blocks.count() * stride;
  const int64_t head_bytes = kv_head_bytes(kv_type_, config.head_dim);
  const int row_count = (task.token_end - task.token_begin) * call.plan.group;
  const auto& table = call.batch.sequences[task.slice].pages[layer.group];

  BlockPages pages = block_pages(layer, table, task.blocks.at(task.block_begin));
  for (int64_t i = task.block_begin; i < task.block_end; ++i) {
    const bool last = i + 1 == task.block_end;
    const BlockPages next_pages = last ? BlockPages{} : block_pages(layer, table, task.blocks.at(i + 1));
    float* out = partials + (i - task.block_begin) * stride;
    if (fill_rows(call, task, task.blocks.at(i), workspace)) {
      kernels_.attend_block({.type = kv_type_,
                             .head_dim = config.head_dim,
                             .scale = config.attention_scale,
                             .softcap = config.attention_softcap,
                             .pages = pages.data(),
                             .next_pages = last || layer.sparse != nullptr ? nullptr : next_pages.data(),
                             .k_offset = layer.page_offset + task.kv_head * 2 * head_bytes,
                             .v_offset = layer.page_offset + (task.kv_head * 2 + 1) * head_bytes,
                             .rows = workspace.rows.data(),
                             .row_count = row_count,
                             .partials = out,
                             .partial_stride = row_stride,
                             .scratch = workspace.scratch.data()});
    } else {
      for (int row = 0; row < row_count; ++row) {
        out[row * row_stride] = -std::numeric_limits<float>::infinity();
        out[row * row_stride + 1] = 0;
      }
    }
    pages = next_pages;
  }
}

// Pages as PageSelection counts them: those of which a query sees a key.
void CpuAttention::count(const AttentionLayer& layer, const Batch& batch) {
  if (layer.sparse != nullptr) {
    work_ += selection_.take_work();
    return;
  }
  const auto pages = [](int64_t keys) { return (keys + kPageTokens - 1) / kPageTokens; };
  for (const SequenceSlice& slice : batch.sequences) {
    for (int token = 0; token < slice.row_count; ++token) {
      const int64_t position = slice.first_position + token;
      const int64_t all = pages(position + 1);
      const int64_t window_begin = first_visible(position, layer.window) / kPageTokens;
      const int64_t computed = all - window_begin + std::min(window_begin, pages(layer.sinks));
      work_ += {.pairs = all * layer.config->kv_heads, .computed = computed * layer.config->kv_heads};
    }
  }
}

void CpuAttention::merge(const Call& call, const AttentionTask& tile, const float* partials) const {
  const ModelConfig& config = *call.layer.config;
  const int group = call.plan.group;
  const int64_t blocks = tile.blocks.count();
  const int64_t stride = partial_stride(config.head_dim);
  const int64_t begin = int64_t{tile.kv_head} * group * config.head_dim;
  CpuOperand& out = call.out;
  for (int token = tile.token_begin; token < tile.token_end; ++token) {
    const int64_t row = call.batch.sequences[tile.slice].first_row + token;
    for (int head = 0; head < group; ++head) {
      const int64_t index = int64_t{token - tile.token_begin} * group + head;
      kernels_.attend_merge({.head_dim = config.head_dim,
                             .partials = partials + index * blocks * stride,
                             .partial_stride = stride,
                             .block_count = static_cast<int>(blocks),
                             .out = out.row(row) + begin + int64_t{head} * config.head_dim});
    }
    if (call.scale_block != 0) {
      kernels_.quantize(out.row(row) + begin, int64_t{group} * config.head_dim, call.scale_block,
                        out.row_int8(row) + begin / kActivationBlock);
    }
  }
}

}  // namespace pingti
