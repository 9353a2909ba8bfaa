#include "model/cpu_attention.h"

#include <algorithm>
#include <array>
#include <atomic>

namespace pingti {
namespace {

int64_t partial_stride(int head_dim) { return (head_dim + 2 + 15) / 16 * 16; }

constexpr int64_t kBlockPages = kAttentionBlock / kPageTokens;
using BlockPages = std::array<const std::byte*, kBlockPages>;

// Pages of a key block; null where the sequence holds none.
BlockPages pages_of(const AttentionLayer& layer, std::span<const PageId> table, int64_t block) {
  BlockPages pages = {};
  for (size_t i = 0; i < pages.size(); ++i) {
    const size_t index = static_cast<size_t>(block) * pages.size() + i;
    if (index < table.size() && table[index] != kNoPage) pages[i] = layer.pool->data(table[index]);
  }
  return pages;
}

}  // namespace

// On the caller's thread, where running out of memory can be told.
void CpuAttention::size_workspaces(const AttentionPlan& plan, int head_dim) {
  const int64_t stride = partial_stride(head_dim);
  const auto grow = [](auto& values, int64_t size) {
    if (values.size() < static_cast<size_t>(size)) values.resize(static_cast<size_t>(size));
  };
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
  const AttentionPlan& plan = planner_.plan(layer, batch);
  size_workspaces(plan, head_dim);
  unfinished_.assign(plan.pieces.begin(), plan.pieces.end());
  // Values that share a scale may only be quantized by a task that owns them all.
  const bool own_blocks = scale_block == 0 || int64_t{plan.group} * head_dim % scale_block == 0;
  const Call call{layer, batch, plan, qkv, out, own_blocks ? scale_block : 0};

  std::atomic<size_t> next{0};
  threads_.run([&](int thread) {
    Workspace& workspace = workspaces_[static_cast<size_t>(thread)];
    for (size_t index; (index = next.fetch_add(1, std::memory_order_relaxed)) < plan.tasks.size();) {
      run_task(call, plan.tasks[index], workspace);
    }
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
    attend(call, task, partials, task.block_end - task.block_begin, workspace);
    return merge(call, task, partials);
  }
  const int64_t stride = partial_stride(call.layer.config->head_dim);
  const auto split_tile = static_cast<size_t>(task.split_tile);
  const AttentionTask& tile = call.plan.split_tiles[split_tile];
  attend(call, task, partials_.data() + task.partial * stride, tile.block_end - tile.block_begin, workspace);
  // Whoever ends last has all pieces before it.
  if (std::atomic_ref(unfinished_[split_tile]).fetch_sub(1, std::memory_order_acq_rel) == 1) {
    merge(call, tile, partials_.data() + tile.partial * stride);
  }
}

// Partials of the task's blocks; a row's partials are `blocks` apart from the next row's.
void CpuAttention::attend(const Call& call, const AttentionTask& task, float* partials, int64_t blocks,
                          Workspace& workspace) const {
  const AttentionLayer& layer = call.layer;
  const ModelConfig& config = *layer.config;
  const int group = call.plan.group;
  const int64_t width = int64_t{config.heads + 2 * config.kv_heads} * config.head_dim;
  const int64_t stride = partial_stride(config.head_dim);
  const int64_t head_bytes = kv_head_bytes(kv_type_, config.head_dim);
  const SequenceSlice& slice = call.batch.sequences[task.slice];
  const auto& table = slice.pages[layer.group];

  BlockPages pages = pages_of(layer, table, task.block_begin);
  for (int64_t block = task.block_begin; block < task.block_end; ++block) {
    const BlockPages next_pages = pages_of(layer, table, block + 1);
    const int64_t block_start = block * kAttentionBlock;
    const auto clip = [&](int64_t key) {
      return static_cast<int>(std::clamp<int64_t>(key - block_start, 0, kAttentionBlock));
    };
    for (int token = task.token_begin; token < task.token_end; ++token) {
      const int64_t position = slice.first_position + token;
      const float* q =
          call.qkv + (slice.first_row + token) * width + int64_t{task.kv_head} * group * config.head_dim;
      for (int head = 0; head < group; ++head) {
        workspace.rows[static_cast<size_t>((token - task.token_begin) * group + head)] = {
            .q = q + head * config.head_dim,
            .key_begin = clip(first_visible(position, layer.window)),
            .key_end = clip(position + 1)};
      }
    }
    kernels_.attend_block({.type = kv_type_,
                           .head_dim = config.head_dim,
                           .scale = config.attention_scale,
                           .softcap = config.attention_softcap,
                           .pages = pages.data(),
                           .next_pages = block + 1 < task.block_end ? next_pages.data() : nullptr,
                           .k_offset = layer.page_offset + task.kv_head * 2 * head_bytes,
                           .v_offset = layer.page_offset + (task.kv_head * 2 + 1) * head_bytes,
                           .rows = workspace.rows.data(),
                           .row_count = (task.token_end - task.token_begin) * group,
                           .partials = partials + (block - task.block_begin) * stride,
                           .partial_stride = blocks * stride,
                           .scratch = workspace.scratch.data()});
    pages = next_pages;
  }
}

void CpuAttention::merge(const Call& call, const AttentionTask& tile, const float* partials) const {
  const ModelConfig& config = *call.layer.config;
  const int group = call.plan.group;
  const int64_t blocks = tile.block_end - tile.block_begin;
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
