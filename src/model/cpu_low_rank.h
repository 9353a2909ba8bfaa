// Low-rank updates on the CPU: packed like weights, in the format they were stored in (F32, F16 or BF16; what
// else there is becomes F32).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/huge_buffer.h"
#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "model/backend.h"
#include "model/cpu_operand.h"

namespace pingti {

class CpuLowRank final : public LowRank {
 public:
  struct Part {
    PackedMatrix a;  // [rank, cols]
    PackedMatrix b;  // [outputs, rank]
    float scale = 1;
    int64_t first_row = 0;
    int64_t inner = 0;  // where its A x begins in a row of inner values
  };

  static Result<std::unique_ptr<CpuLowRank>> load(std::span<const LowRankPart> parts);

  std::vector<Part> parts;
  int64_t inner_width = 0;  // ranks of all parts together

 private:
  HugeBuffer memory_;
};

// Runs the products of add_low_rank(). One thread calls.
class LowRankRunner {
 public:
  LowRankRunner(const Kernels& kernels, ThreadPool& threads);

  void run(std::span<const LowRankRows> updates, const CpuOperand& in, int64_t width, float* y);

 private:
  struct Task {
    const CpuLowRank::Part* part = nullptr;
    int64_t row = 0;         // first of the batch's rows
    int columns = 0;         // rows of the batch
    float* inner = nullptr;  // of the first row and this part
    int64_t inner_stride = 0;
    int64_t panel_begin = 0;
    int64_t panel_end = 0;
  };
  void plan(std::span<const LowRankRows> updates);
  void add_tasks(const CpuLowRank::Part& part, const PackedMatrix& matrix, int64_t panels_each,
                 const Task& rows, std::vector<Task>* tasks);
  void down(const Task& task, const CpuOperand& in, int thread);
  void up(const Task& task, int64_t width, float* y, int thread);

  const Kernels& kernels_;
  ThreadPool& threads_;
  std::vector<HugeBuffer> scratch_;
  std::vector<float> inner_;  // A x of all updates' rows
  std::vector<Task> down_, up_;
};

}  // namespace pingti
