// Attention of a batch on the CPU: cut into tasks of (sequence, KV head, tile of rows, range of key blocks),
// shared out over the threads. The cut follows the load; the bits do not (kernels/attention.h).
#pragma once

#include <vector>

#include "base/huge_buffer.h"
#include "base/thread_pool.h"
#include "model/backend.h"
#include "model/cpu_operand.h"
#include "model/page_selection.h"

namespace pingti {

class CpuAttention {
 public:
  // count: work() counts.
  CpuAttention(const Kernels& kernels, ThreadPool& threads, KvType kv_type, bool count)
      : kernels_(kernels),
        threads_(threads),
        kv_type_(kv_type),
        count_(count),
        selection_(kernels, threads, kv_type),
        workspaces_(static_cast<size_t>(threads.size())) {}

  // qkv as in Backend::rope_append; out [rows, heads * head_dim], quantized as well with
  // scales over scale_block values (0: not).
  void run(const AttentionLayer& layer, const Batch& batch, const float* qkv, CpuOperand& out,
           int scale_block);
  // For sparse attention: after the rows' keys were written, before run().
  void summarize_pages(const AttentionLayer& layer, const Batch& batch) {
    selection_.summarize(layer, batch);
  }
  const AttentionWork& work() const { return work_; }

 private:
  // The blocks of keys that a tile's rows see: [0, lead) and [begin, end), of which the i-th is at(i).
  struct Blocks {
    int64_t lead;
    int64_t begin;
    int64_t end;
    int64_t count() const { return lead + end - begin; }
    int64_t at(int64_t i) const { return i < lead ? i : begin + i - lead; }
  };
  struct Task {
    const SequenceSlice* slice;
    int kv_head;
    int token_begin;  // within the slice
    int token_end;
    Blocks blocks;        // of the whole tile
    int64_t block_begin;  // of them, the task's
    int64_t block_end;
    int64_t partial;  // where its partials start in partials_, in rows; -1: merged by the task itself
  };
  struct Workspace {
    std::vector<float> scratch;
    std::vector<float> partials;
    std::vector<AttendRow> rows;
  };

  static Blocks visible_blocks(const AttentionLayer& layer, int64_t first, int64_t last);
  void plan(const AttentionLayer& layer, const Batch& batch);
  void count(const AttentionLayer& layer, const Batch& batch);
  void size_workspaces(int group, int tile_tokens, int64_t stride);
  bool fill_rows(const AttentionLayer& layer, const float* qkv, const Task& task, int64_t block,
                 Workspace& workspace) const;
  void attend(const AttentionLayer& layer, const float* qkv, const Task& task, float* partials,
              Workspace& workspace) const;
  void merge(const AttentionLayer& layer, const Task& task, const float* partials, int64_t blocks,
             CpuOperand& out, int scale_block) const;

  const Kernels& kernels_;
  ThreadPool& threads_;
  const KvType kv_type_;
  const bool count_;
  PageSelection selection_;
  AttentionWork work_;
  std::vector<Task> tasks_;
  std::vector<Task> merges_;     // tiles whose blocks were split over several tasks
  std::vector<float> partials_;  // of split tiles: [tile rows, blocks, head_dim + 2]
  int64_t partial_rows_ = 0;
  std::vector<Workspace> workspaces_;  // one per thread
};

}  // namespace pingti
