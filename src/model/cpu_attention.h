// Attention of a batch on the CPU, its tasks (cpu_attention_plan.h) shared out over the threads. The cut
// follows the load; the bits do not (kernels/attention.h).
#pragma once

#include <vector>

#include "base/thread_pool.h"
#include "model/backend.h"
#include "model/cpu_attention_plan.h"
#include "model/cpu_operand.h"
#include "model/page_selection.h"

namespace pingti {

class CpuAttention {
 public:
  // tile_rows: Tuning::attention_rows. count: work() counts.
  CpuAttention(const Kernels& kernels, ThreadPool& threads, KvType kv_type, int64_t tile_rows, bool count)
      : kernels_(kernels),
        threads_(threads),
        kv_type_(kv_type),
        count_(count),
        selection_(kernels, threads, kv_type),
        planner_(threads.size(), static_cast<int>(tile_rows)),
        workspaces_(static_cast<size_t>(threads.size())) {}

  // qkv as Backend::rope_append leaves it; out [rows, heads * head_dim], quantized as well with
  // scales over scale_block values (0: not).
  void run(const AttentionLayer& layer, const Batch& batch, const float* qkv, CpuOperand& out,
           int scale_block);
  // For sparse attention: after the rows' keys were written, before run().
  void summarize_pages(const AttentionLayer& layer, const Batch& batch) {
    selection_.summarize(layer, batch);
  }
  const AttentionWork& work() const { return work_; }

 private:
  struct Workspace {
    std::vector<float> scratch;
    std::vector<float> partials;
    std::vector<AttendRow> rows;
  };
  // What a task needs to know of the call.
  struct Call {
    const AttentionLayer& layer;
    const Batch& batch;
    const AttentionPlan& plan;
    const float* qkv;
    CpuOperand& out;
    int scale_block;
  };

  void count(const AttentionLayer& layer, const Batch& batch);
  void size_workspaces(const AttentionPlan& plan, int head_dim);
  void run_task(const Call& call, const AttentionTask& task, Workspace& workspace);
  bool fill_rows(const Call& call, const AttentionTask& task, int64_t block, Workspace& workspace) const;
  void attend(const Call& call, const AttentionTask& task, float* partials, Workspace& workspace) const;
  void merge(const Call& call, const AttentionTask& tile, const float* partials) const;

  const Kernels& kernels_;
  ThreadPool& threads_;
  const KvType kv_type_;
  const bool count_;
  PageSelection selection_;
  AttentionWork work_;
  AttentionPlanner planner_;
  std::vector<float> partials_;        // of split tiles: [tile rows, blocks, head_dim + 2]
  std::vector<int> unfinished_;        // pieces of each split tile; counted down atomically
  std::vector<Workspace> workspaces_;  // one per thread
};

}  // namespace pingti
