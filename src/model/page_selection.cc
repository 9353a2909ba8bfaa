#include "model/page_selection.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/attention_blocks.h"

namespace pingti {
namespace {

int group_of(const ModelConfig& config) { return config.heads / config.kv_heads; }

std::byte* summary_of(const AttentionLayer& layer, PageId page, int kv_head) {
  return layer.pool->data(page) + layer.summary_offset + kv_head * page_summary_bytes(layer.config->head_dim);
}

}  // namespace

void PageSelection::summarize(const AttentionLayer& layer, const Batch& batch) {
  const ModelConfig& config = *layer.config;
  const int64_t head_bytes = kv_head_bytes(kv_type_, config.head_dim);
  std::vector<PageId> full;
  for (const SequenceSlice& slice : batch.sequences) {
    const int64_t end = (slice.first_position + slice.row_count) / kPageTokens;
    for (int64_t page = slice.first_position / kPageTokens; page < end; ++page)
      full.push_back(slice.pages[layer.group][static_cast<size_t>(page)]);
  }
  if (full.empty()) return;
  threads_.for_each(static_cast<int64_t>(full.size()) * config.kv_heads, [&](int64_t task, int) {
    const PageId page = full[static_cast<size_t>(task / config.kv_heads)];
    const int head = static_cast<int>(task % config.kv_heads);
    kernels_.page_summary({.type = kv_type_,
                           .head_dim = config.head_dim,
                           .k = layer.pool->data(page) + layer.page_offset + head * 2 * head_bytes,
                           .out = summary_of(layer, page, head)});
  });
}

PageSelection::Pages PageSelection::pages_of(const SparseAttention& sparse, int64_t position) {
  Pages pages{};
  pages.recent_end = position / kPageTokens + 1;
  pages.recent_begin = std::max<int64_t>(0, position + 1 - sparse.recent) / kPageTokens;
  pages.recent_begin = std::min(pages.recent_begin, pages.recent_end - 1);
  pages.sink_end = std::min<int64_t>((sparse.sinks + kPageTokens - 1) / kPageTokens, pages.recent_begin);
  const bool all = position + 1 < sparse.min_length || sparse.top_p >= 1 ||
                   (sparse.top_k > 0 && sparse.top_k >= pages.candidates());
  if (all) pages.sink_end = pages.recent_begin;
  return pages;
}

void PageSelection::size_workspaces(const ModelConfig& config, int64_t candidates) {
  const int group = group_of(config);
  const auto count = static_cast<int>(candidates);
  for (Workspace& workspace : workspaces_) {
    grow(workspace.rows, group);
    grow(workspace.attend_scratch, attend_scratch_floats(group));
    grow(workspace.partials, group * partial_stride(config.head_dim));
    grow(workspace.kept, 2 * group);
    grow(workspace.summaries, candidates);
    grow(workspace.weights, padded_pages(count));
    grow(workspace.weight_scratch, page_weight_scratch(config.head_dim, group, count));
  }
}

void PageSelection::choose(const AttentionLayer& layer, const Batch& batch, const float* qkv) {
  const ModelConfig& config = *layer.config;
  const int64_t width = int64_t{config.heads + 2 * config.kv_heads} * config.head_dim;
  const int64_t group_width = int64_t{group_of(config)} * config.head_dim;
  int64_t last = 0;
  for (const SequenceSlice& slice : batch.sequences)
    last = std::max(last, slice.first_position + slice.row_count - 1);
  kv_heads_ = config.kv_heads;
  blocks_ = last / kAttentionBlock + 1;
  masks_.assign(batch.tokens.size() * static_cast<size_t>(kv_heads_ * blocks_), 0xff);
  size_workspaces(config, last / kPageTokens);

  const auto tasks = static_cast<int64_t>(batch.tokens.size()) * kv_heads_;
  threads_.for_each(tasks, [&](int64_t task, int thread) {
    const int64_t row = task / kv_heads_;
    const auto head = static_cast<int>(task % kv_heads_);
    const SequenceSlice& slice = slice_of(batch, row);
    choose_one({.layer = &layer,
                .slice = &slice,
                .kv_head = head,
                .position = slice.first_position + row - slice.first_row,
                .q = qkv + row * width + head * group_width,
                .masks = masks_.data() + task * blocks_},
               workspaces_[static_cast<size_t>(thread)]);
  });
}

void PageSelection::choose_one(const Query& query, Workspace& workspace) const {
  const Pages pages = pages_of(*query.layer->sparse, query.position);
  workspace.work.pairs += pages.recent_end;
  if (pages.candidates() <= 0) {
    workspace.work.computed += pages.recent_end;
    return;
  }
  attend_kept(query, pages, workspace);
  const float kept_weight = weigh(query, pages, workspace);
  std::fill_n(query.masks, blocks_, uint8_t{0});
  const auto keep = [&](int64_t begin, int64_t end) {
    for (int64_t page = begin; page < end; ++page)
      query.masks[page / kBlockPages] |= static_cast<uint8_t>(1u << page % kBlockPages);
  };
  keep(0, pages.sink_end);
  keep(pages.recent_begin, pages.recent_end);
  const int64_t taken = take_heaviest(query, pages, kept_weight, workspace);
  workspace.work.computed += pages.kept() + taken;
  // A summary takes 3 operations per dimension, a page 2 per dimension and token.
  workspace.work.overhead += pages.kept() + (3 * pages.candidates() + kPageTokens) / (2 * kPageTokens);
}

// The largest score and the sum of exponentials of the keys read in any case.
void PageSelection::attend_kept(const Query& query, const Pages& pages, Workspace& workspace) const {
  const int group = group_of(*query.layer->config);
  std::fill_n(workspace.kept.begin(), group, -std::numeric_limits<float>::infinity());
  std::fill_n(workspace.kept.begin() + group, group, 0.0f);
  const int64_t sink_blocks = (pages.sink_end + kBlockPages - 1) / kBlockPages;
  for (int64_t block = 0; block < sink_blocks; ++block) attend_kept_block(query, pages, block, workspace);
  for (int64_t block = std::max(sink_blocks, pages.recent_begin / kBlockPages);
       block <= query.position / kAttentionBlock; ++block) {
    attend_kept_block(query, pages, block, workspace);
  }
}

void PageSelection::attend_kept_block(const Query& query, const Pages& pages, int64_t block,
                                      Workspace& workspace) const {
  const AttentionLayer& layer = *query.layer;
  const ModelConfig& config = *layer.config;
  const int group = group_of(config);
  const int64_t stride = partial_stride(config.head_dim);
  const int64_t head_bytes = kv_head_bytes(kv_type_, config.head_dim);
  const auto& table = query.slice->pages[layer.group];
  const BlockPages data = block_pages(layer, table, block);
  for (int head = 0; head < group; ++head) {
    workspace.rows[static_cast<size_t>(head)] = {
        .q = query.q + int64_t{head} * config.head_dim,
        .key_begin = clip_to_block(pages.recent_begin * kPageTokens, block),
        .key_end = clip_to_block(query.position + 1, block),
        .sink_end = clip_to_block(pages.sink_end * kPageTokens, block)};
  }
  kernels_.attend_block({.type = kv_type_,
                         .head_dim = config.head_dim,
                         .scale = config.attention_scale,
                         .softcap = config.attention_softcap,
                         .pages = data.data(),
                         .k_offset = layer.page_offset + query.kv_head * 2 * head_bytes,
                         .v_offset = layer.page_offset + (query.kv_head * 2 + 1) * head_bytes,
                         .rows = workspace.rows.data(),
                         .row_count = group,
                         .partials = workspace.partials.data(),
                         .partial_stride = stride,
                         .scratch = workspace.attend_scratch.data()});
  for (int head = 0; head < group; ++head) {
    const float* partial = workspace.partials.data() + head * stride;
    float& max = workspace.kept[static_cast<size_t>(head)];
    float& sum = workspace.kept[static_cast<size_t>(group + head)];
    if (partial[1] == 0) continue;
    const float higher = std::max(max, partial[0]);
    sum = sum * std::exp(max - higher) + partial[1] * std::exp(partial[0] - higher);
    max = higher;
  }
}

// Weighs the candidates into workspace.weights; returns what the kept keys weigh.
float PageSelection::weigh(const Query& query, const Pages& pages, Workspace& workspace) const {
  const AttentionLayer& layer = *query.layer;
  const ModelConfig& config = *layer.config;
  const int group = group_of(config);
  const auto& table = query.slice->pages[layer.group];
  const auto count = static_cast<int>(pages.candidates());
  for (int i = 0; i < count; ++i) {
    workspace.summaries[static_cast<size_t>(i)] =
        summary_of(layer, table[static_cast<size_t>(pages.sink_end + i)], query.kv_head);
  }
  float kept_weight = 0;
  kernels_.page_weights({.type = kv_type_,
                         .head_dim = config.head_dim,
                         .scale = config.attention_scale,
                         .softcap = config.attention_softcap,
                         .summaries = workspace.summaries.data(),
                         .page_count = count,
                         .q = query.q,
                         .heads = group,
                         .kept_max = workspace.kept.data(),
                         .kept_sum = workspace.kept.data() + group,
                         .scratch = workspace.weight_scratch.data(),
                         .weights = workspace.weights.data(),
                         .kept_weight = &kept_weight});
  return kept_weight;
}

// Marks the chosen candidates; returns how many. Of equal ones at the edge of topk the newest are taken.
int64_t PageSelection::take_heaviest(const Query& query, const Pages& pages, float kept_weight,
                                     Workspace& workspace) const {
  const SparseAttention& sparse = *query.layer->sparse;
  const auto count = static_cast<int>(pages.candidates());
  const float* weights = workspace.weights.data();
  const float wanted = sparse.top_p - kept_weight;
  if (sparse.top_k == 0 && wanted <= 0) return 0;
  const float threshold = kernels_.page_threshold(
      {.weights = weights, .page_count = count, .weight = wanted, .count = sparse.top_k});
  int64_t taken = 0;
  const auto take = [&](int candidate) {
    const int64_t page = pages.sink_end + candidate;
    query.masks[page / kBlockPages] |= static_cast<uint8_t>(1u << page % kBlockPages);
    ++taken;
  };
  for (int i = 0; i < count; ++i) {
    if (weights[i] > threshold || (sparse.top_k == 0 && weights[i] == threshold && threshold > 0)) take(i);
  }
  for (int i = count - 1; i >= 0 && taken < sparse.top_k; --i) {
    if (weights[i] == threshold) take(i);
  }
  return taken;
}

AttentionWork PageSelection::take_work() {
  AttentionWork work;
  for (Workspace& workspace : workspaces_) {
    work += workspace.work;
    workspace.work = {};
  }
  return work;
}

}  // namespace pingti
