// Sparse attention's choice of KV pages, for each token and KV head of a batch.
//
// Read in any case are the pages of the first and of the last tokens (SparseAttention::sinks, recent), the
// query's own page among them; of the pages between, all of them full, the heaviest by their summaries
// (kernels/page_select.h). The query heads that share a KV head choose together, so that a page read is read
// once for all. What a query reads depends on its position, its own q and the stored keys before it alone:
// never on the batch, the chunks, the threads, or where the pages came from.
//
// One thread calls at a time; choose() fans out over the thread pool.
#pragma once

#include <vector>

#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "model/attention_work.h"
#include "model/backend.h"

namespace pingti {

class PageSelection {
 public:
  PageSelection(const Kernels& kernels, ThreadPool& threads, KvType kv_type)
      : kernels_(kernels),
        threads_(threads),
        kv_type_(kv_type),
        workspaces_(static_cast<size_t>(threads.size())) {}

  // Writes the summaries of the pages whose last slot the batch's rows filled.
  void summarize(const AttentionLayer& layer, const Batch& batch);

  // Chooses for all rows. qkv as in Backend::attention.
  void choose(const AttentionLayer& layer, const Batch& batch, const float* qkv);
  // The choice: AttendRow::page_mask of a row of the batch in a block of keys.
  uint8_t mask(int64_t row, int kv_head, int64_t block) const {
    return masks_[static_cast<size_t>((row * kv_heads_ + kv_head) * blocks_ + block)];
  }
  // What choose() has counted since the last call.
  AttentionWork take_work();

 private:
  // Pages of a query: [0, sink_end) and [recent_begin, recent_end) are read in any case.
  struct Pages {
    int64_t sink_end;
    int64_t recent_begin;
    int64_t recent_end;
    int64_t candidates() const { return recent_begin - sink_end; }
    int64_t kept() const { return sink_end + recent_end - recent_begin; }
  };
  // One query: a token and a KV head.
  struct Query {
    const AttentionLayer* layer;
    const SequenceSlice* slice;
    int kv_head;
    int64_t position;
    const float* q;  // [group][head_dim]
    uint8_t* masks;  // [blocks_]
  };
  struct Workspace {
    std::vector<AttendRow> rows;
    std::vector<float> attend_scratch;
    std::vector<float> partials;
    std::vector<float> kept;  // [2][group]: largest scores, sums
    std::vector<const std::byte*> summaries;
    std::vector<float> weights;
    std::vector<float> weight_scratch;
    AttentionWork work;
  };

  static Pages pages_of(const SparseAttention& sparse, int64_t position);
  void size_workspaces(const ModelConfig& config, int64_t candidates);
  void choose_one(const Query& query, Workspace& workspace) const;
  void attend_kept(const Query& query, const Pages& pages, Workspace& workspace) const;
  void attend_kept_block(const Query& query, const Pages& pages, int64_t block, Workspace& workspace) const;
  float weigh(const Query& query, const Pages& pages, Workspace& workspace) const;
  int64_t take_heaviest(const Query& query, const Pages& pages, float kept_weight,
                        Workspace& workspace) const;

  const Kernels& kernels_;
  ThreadPool& threads_;
  const KvType kv_type_;
  std::vector<uint8_t> masks_;  // [rows, kv_heads, blocks]
  int64_t kv_heads_ = 0;
  int64_t blocks_ = 0;
  std::vector<Workspace> workspaces_;  // one per thread
};

}  // namespace pingti
