// Attention of a batch on the CPU: cut into tasks of (sequence, KV head, tile of rows, range of key blocks),
// shared out over the threads. The cut follows the load; the bits do not (kernels/attention.h).
#pragma once

#include <vector>

#include "base/huge_buffer.h"
#include "base/thread_pool.h"
#include "model/backend.h"
#include "model/cpu_operand.h"

namespace pingti {

class CpuAttention {
 public:
  CpuAttention(const Kernels& kernels, ThreadPool& threads, KvType kv_type)
      : kernels_(kernels),
        threads_(threads),
        kv_type_(kv_type),
        workspaces_(static_cast<size_t>(threads.size())) {}

  // qkv as in Backend::rope_append; out [rows, heads * head_dim], quantized as well with
  // scales over scale_block values (0: not).
  void run(const AttentionLayer& layer, const Batch& batch, const float* qkv, CpuOperand& out,
           int scale_block);

 private:
  struct Task {
    const SequenceSlice* slice;
    int kv_head;
    int token_begin;  // within the slice
    int token_end;
    int64_t block_begin;  // key blocks of the tile's tokens
    int64_t block_end;
    int64_t partial;  // where its partials start in partials_, in rows; -1: merged by the task itself
  };
  struct Workspace {
    std::vector<float> scratch;
    std::vector<float> partials;
    std::vector<AttendRow> rows;
  };

  void plan(const AttentionLayer& layer, const Batch& batch);
  void size_workspaces(int group, int tile_tokens, int64_t stride);
  void attend(const AttentionLayer& layer, const float* qkv, const Task& task, float* partials,
              int64_t blocks, Workspace& workspace) const;
  void merge(const AttentionLayer& layer, const Task& task, const float* partials, int64_t blocks,
             CpuOperand& out, int scale_block) const;

  const Kernels& kernels_;
  ThreadPool& threads_;
  const KvType kv_type_;
  std::vector<Task> tasks_;
  std::vector<Task> merges_;     // tiles whose blocks were split over several tasks
  std::vector<float> partials_;  // of split tiles: [tile rows, blocks, head_dim + 2]
  int64_t partial_rows_ = 0;
  std::vector<Workspace> workspaces_;  // one per thread
};

}  // namespace pingti
