#include "model/cpu_attention.h"

#include <algorithm>
#include <atomic>
#include <limits>

#include "base/check.h"

namespace pingti {
namespace {

// Query rows (tokens x heads of a group) per tile: enough to reuse converted keys, few enough that the
// tile's scores stay in the L2 cache.
constexpr int kTileRows = 48;

int64_t partial_stride(int head_dim) { return (head_dim + 2 + 15) / 16 * 16; }

int64_t first_visible(int64_t position, int window) {
  return window == 0 ? 0 : std::max<int64_t>(0, position + 1 - window);
}

}  // namespace

// For tokens at positions [first, last].
CpuAttention::Blocks CpuAttention::visible_blocks(const AttentionLayer& layer, int64_t first, int64_t last) {
  Blocks blocks{.lead = 0,
                .begin = first_visible(first, layer.window) / kAttentionBlock,
                .end = last / kAttentionBlock + 1};
  const int64_t sink_blocks = (layer.sinks + kAttentionBlock - 1) / kAttentionBlock;
  blocks.lead = std::min(blocks.begin, sink_blocks);
  return blocks;
}

void CpuAttention::plan(const AttentionLayer& layer, const Batch& batch) {
  const ModelConfig& config = *layer.config;
  const int group = config.heads / config.kv_heads;
  const int tile_tokens = std::max(1, kTileRows / group);
  tasks_.clear();
  merges_.clear();
  partial_rows_ = 0;
  int64_t tiles = 0;
  for (const SequenceSlice& slice : batch.sequences) {
    tiles += int64_t{config.kv_heads} * ((slice.row_count + tile_tokens - 1) / tile_tokens);
  }
  // Too few tiles to keep the threads busy evenly: split along the keys as well.
  const bool split = threads_.size() > 1 && tiles < threads_.size() * 4;
  for (const SequenceSlice& slice : batch.sequences) {
    for (int begin = 0; begin < slice.row_count; begin += tile_tokens) {
      const int end = std::min(slice.row_count, begin + tile_tokens);
      const Blocks visible =
          visible_blocks(layer, slice.first_position + begin, slice.first_position + end - 1);
      const int64_t blocks = visible.count();
      for (int head = 0; head < config.kv_heads; ++head) {
        Task task{&slice, head, begin, end, visible, 0, blocks, /*partial=*/-1};
        if (!split || blocks == 1) {
          tasks_.push_back(task);
          continue;
        }
        task.partial = partial_rows_;
        partial_rows_ += int64_t{end - begin} * group * blocks;
        merges_.push_back(task);
        const int64_t piece = std::max<int64_t>(1, blocks / (threads_.size() * 4));
        for (int64_t b = 0; b < blocks; b += piece) {
          tasks_.push_back(task);
          tasks_.back().block_begin = b;
          tasks_.back().block_end = std::min(blocks, b + piece);
          tasks_.back().partial = task.partial + b;
        }
      }
    }
  }
  size_workspaces(group, tile_tokens, partial_stride(config.head_dim));
  // Long tiles first, so that the threads end together.
  if (!split) std::ranges::reverse(tasks_);
}

// On the caller's thread, where running out of memory can be told.
void CpuAttention::size_workspaces(int group, int tile_tokens, int64_t stride) {
  int64_t partials = 0;
  for (const Task& task : tasks_) {
    if (task.partial >= 0) continue;
    partials = std::max(partials, int64_t{task.token_end - task.token_begin} * group *
                                      (task.block_end - task.block_begin) * stride);
  }
  const auto rows = static_cast<size_t>(tile_tokens * group);
  const auto scratch = static_cast<size_t>(attend_scratch_floats(tile_tokens * group));
  for (Workspace& workspace : workspaces_) {
    if (workspace.rows.size() < rows) workspace.rows.resize(rows);
    if (workspace.scratch.size() < scratch) workspace.scratch.resize(scratch);
    if (workspace.partials.size() < static_cast<size_t>(partials))
      workspace.partials.resize(static_cast<size_t>(partials));
  }
}

void CpuAttention::run(const AttentionLayer& layer, const Batch& batch, const float* qkv, CpuOperand& out,
                       int scale_block) {
  const ModelConfig& config = *layer.config;
  const int group = config.heads / config.kv_heads;
  const int64_t stride = partial_stride(config.head_dim);
  if (layer.sparse != nullptr) selection_.choose(layer, batch, qkv);
  if (count_) count(layer, batch);
  plan(layer, batch);
  partials_.resize(std::max(partials_.size(), static_cast<size_t>(partial_rows_ * stride)));
  // Values that share a scale may only be quantized by a task that owns them all.
  const bool own_blocks = scale_block == 0 || int64_t{group} * config.head_dim % scale_block == 0;
  const int task_block = own_blocks ? scale_block : 0;

  std::atomic<size_t> next{0};
  threads_.run([&](int thread) {
    Workspace& workspace = workspaces_[static_cast<size_t>(thread)];
    for (size_t index; (index = next.fetch_add(1, std::memory_order_relaxed)) < tasks_.size();) {
      const Task& task = tasks_[index];
      if (task.partial >= 0) {
        attend(layer, qkv, task, partials_.data() + task.partial * stride, workspace);
      } else {
        attend(layer, qkv, task, workspace.partials.data(), workspace);
        merge(layer, task, workspace.partials.data(), task.blocks.count(), out, task_block);
      }
    }
  });
  if (!merges_.empty()) {
    next.store(0);
    threads_.run([&](int) {
      for (size_t index; (index = next.fetch_add(1, std::memory_order_relaxed)) < merges_.size();) {
        const Task& task = merges_[index];
        merge(layer, task, partials_.data() + task.partial * stride, task.blocks.count(), out, task_block);
      }
    });
  }
  if (!own_blocks) {
    for (size_t row = 0; row < batch.tokens.size(); ++row) {
      const auto index = static_cast<int64_t>(row);
      kernels_.quantize(out.row(index), out.width, scale_block, out.row_int8(index));
    }
  }
}

// What the task's rows see of the block; false: nothing.
bool CpuAttention::fill_rows(const AttentionLayer& layer, const float* qkv, const Task& task, int64_t block,
                             Workspace& workspace) const {
  const ModelConfig& config = *layer.config;
  const int group = config.heads / config.kv_heads;
  const int64_t width = int64_t{config.heads + 2 * config.kv_heads} * config.head_dim;
  const auto clip = [&](int64_t key) {
    return static_cast<int>(std::clamp<int64_t>(key - block * kAttentionBlock, 0, kAttentionBlock));
  };
  bool any = false;
  for (int token = task.token_begin; token < task.token_end; ++token) {
    const int64_t position = task.slice->first_position + token;
    const int64_t row = task.slice->first_row + token;
    const float* q = qkv + row * width + int64_t{task.kv_head} * group * config.head_dim;
    AttendRow seen{.q = q,
                   .key_begin = clip(first_visible(position, layer.window)),
                   .key_end = clip(position + 1),
                   .sink_end = clip(std::min<int64_t>(layer.sinks, position + 1))};
    if (layer.sparse != nullptr) seen.page_mask = selection_.mask(row, task.kv_head, block);
    any = any || seen.page_mask != 0;
    for (int head = 0; head < group; ++head) {
      seen.q = q + head * config.head_dim;
      workspace.rows[static_cast<size_t>((token - task.token_begin) * group + head)] = seen;
    }
  }
  return any;
}

void CpuAttention::attend(const AttentionLayer& layer, const float* qkv, const Task& task, float* partials,
                          Workspace& workspace) const {
  const ModelConfig& config = *layer.config;
  const int group = config.heads / config.kv_heads;
  const int64_t stride = partial_stride(config.head_dim);
  const int64_t row_stride = task.blocks.count() * stride;
  const int64_t head_bytes = kv_head_bytes(kv_type_, config.head_dim);
  const auto& table = task.slice->pages[layer.group];
  const int row_count = (task.token_end - task.token_begin) * group;

  constexpr int64_t kPages = kAttentionBlock / kPageTokens;
  for (int64_t i = task.block_begin; i < task.block_end; ++i) {
    const int64_t block = task.blocks.at(i);
    float* out = partials + (i - task.block_begin) * stride;
    if (!fill_rows(layer, qkv, task, block, workspace)) {
      for (int row = 0; row < row_count; ++row) {
        out[row * row_stride] = -std::numeric_limits<float>::infinity();
        out[row * row_stride + 1] = 0;
      }
      continue;
    }
    const std::byte* pages[kPages] = {};
    for (int64_t page = 0; page < kPages; ++page) {
      const auto index = static_cast<size_t>(block * kPages + page);
      if (index < table.size() && table[index] != kNoPage) pages[page] = layer.pool->data(table[index]);
    }
    kernels_.attend_block({.type = kv_type_,
                           .head_dim = config.head_dim,
                           .scale = config.attention_scale,
                           .softcap = config.attention_softcap,
                           .pages = pages,
                           .k_offset = layer.page_offset + task.kv_head * 2 * head_bytes,
                           .v_offset = layer.page_offset + (task.kv_head * 2 + 1) * head_bytes,
                           .rows = workspace.rows.data(),
                           .row_count = row_count,
                           .partials = out,
                           .partial_stride = row_stride,
                           .scratch = workspace.scratch.data()});
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

void CpuAttention::merge(const AttentionLayer& layer, const Task& task, const float* partials, int64_t blocks,
                         CpuOperand& out, int scale_block) const {
  const ModelConfig& config = *layer.config;
  const int group = config.heads / config.kv_heads;
  const int64_t stride = partial_stride(config.head_dim);
  const int64_t begin = int64_t{task.kv_head} * group * config.head_dim;
  for (int token = task.token_begin; token < task.token_end; ++token) {
    const int64_t row = task.slice->first_row + token;
    for (int head = 0; head < group; ++head) {
      const int64_t index = int64_t{token - task.token_begin} * group + head;
      kernels_.attend_merge({.head_dim = config.head_dim,
                             .partials = partials + index * blocks * stride,
                             .partial_stride = stride,
                             .block_count = static_cast<int>(blocks),
                             .out = out.row(row) + begin + int64_t{head} * config.head_dim});
    }
    if (scale_block != 0) {
      kernels_.quantize(out.row(row) + begin, int64_t{group} * config.head_dim, scale_block,
                        out.row_int8(row) + begin / kActivationBlock);
    }
  }
}

}  // namespace pingti
