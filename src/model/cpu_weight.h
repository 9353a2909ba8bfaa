// A weight matrix on the CPU: one or more packed matrices stacked along rows.
#pragma once

#include <vector>

#include "base/huge_buffer.h"
#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "model/backend.h"

namespace pingti {

class CpuWeight final : public Weight {
 public:
  // Repacks the parts, all threads at work, dropping the file's pages behind.
  static Result<std::unique_ptr<CpuWeight>> load(const WeightSource& source, ThreadPool& threads);

  struct Part {
    PackedMatrix matrix;
    HugeBuffer memory;
    int64_t first_row = 0;
    const float* bias = nullptr;
  };

  std::vector<Part> parts;

  // Whether a part is stored as floats, which products read with float activations.
  bool any_float() const;
  // Decodes row `row` of the stack.
  void decode_row(int64_t row, float* out) const;

 private:
  std::vector<float> bias_;  // [rows], or empty
};

}  // namespace pingti
