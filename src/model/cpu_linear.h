// Products of a weight stack with a batch of activations on the CPU, shared out over the threads in pieces of
// panels; what can be done with a piece's results while they are in the cache is done there.
#pragma once

#include <vector>

#include "base/huge_buffer.h"
#include "base/thread_pool.h"
#include "kernels/tuning.h"
#include "model/cpu_operand.h"
#include "model/cpu_weight.h"

namespace pingti {

class Pieces;

class CpuLinear {
 public:
  CpuLinear(const Kernels& kernels, ThreadPool& threads, const Tuning& tuning, bool activations_f32)
      : kernels_(kernels),
        threads_(threads),
        tuning_(tuning),
        activations_f32_(activations_f32),
        workspaces_(static_cast<size_t>(threads.size())) {}

  // Before products with this weight.
  Result<void> reserve(const CpuWeight& weight);

  // y [columns, weight.rows] = W in (+ bias), or y += with accumulate.
  void run(const CpuWeight& weight, const CpuOperand& in, int columns, float* y, bool accumulate);
  // The weight stacks a gate over as many rows more: out = activation(gate) * rest, made ready for `reader`.
  void run_gated(const CpuWeight& weight, const CpuOperand& in, int columns, Activation activation,
                 const CpuWeight& reader, CpuOperand& out);
  // y[column] = (W in)[2 column] + (W in)[2 column + 1]: activations carried as two terms.
  void run_two_terms(const CpuWeight& weight, const CpuOperand& in, int columns, float* y);

  // Whether products with this weight read activations as floats.
  bool reads_floats(const CpuWeight& weight) const { return activations_f32_ || weight.any_float(); }

 private:
  struct Workspace {
    HugeBuffer scratch;          // LinearArgs::scratch
    std::vector<float> results;  // of a piece, [columns][rows of the piece]
  };
  struct Gated {
    const CpuWeight& weight;
    const CpuOperand& in;
    int columns;
    Activation activation;
    const CpuWeight& reader;
    CpuOperand& out;
    int64_t group_panels;  // of the values that share a scale in `out`
  };

  Pieces cut(int64_t panels, int64_t panel_bytes, int columns, int64_t grain) const;
  template <class Body>
  void over_pieces(Pieces& pieces, const Body& body);
  void size_results(int64_t floats);
  void product(const CpuWeight::Part& part, const CpuOperand& in, int columns, int64_t begin, int64_t end,
               float* y, int64_t y_stride, bool accumulate, Workspace& workspace) const;
  void gated_piece(const Gated& call, int64_t begin, int64_t end, Workspace& workspace);
  void finish_groups(const Gated& call, int64_t begin, int64_t end);

  const Kernels& kernels_;
  ThreadPool& threads_;
  const Tuning tuning_;
  const bool activations_f32_;
  std::vector<Workspace> workspaces_;  // one per thread
  std::vector<int64_t> unfinished_;    // panels of each group that shares scales; counted down atomically
};

}  // namespace pingti
