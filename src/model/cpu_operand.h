// What CPU products read: the activations as floats and, unless they are skipped, as int8 blocks.
#pragma once

#include "base/huge_buffer.h"
#include "kernels/linear.h"
#include "model/backend.h"

namespace pingti {

class CpuOperand final : public Operand {
 public:
  static Result<std::unique_ptr<CpuOperand>> create(int64_t rows, int64_t width, bool int8) {
    auto operand = std::make_unique<CpuOperand>();
    operand->width = width;
    operand->blocks = (width + kActivationBlock - 1) / kActivationBlock;
    PT_TRY(operand->floats_, HugeBuffer::allocate(static_cast<size_t>(rows * width) * sizeof(float)));
    if (int8) {
      PT_TRY(operand->blocks_,
             HugeBuffer::allocate(static_cast<size_t>(rows * operand->blocks) * sizeof(ActivationBlock)));
    }
    return operand;
  }

  float* row(int64_t index) const { return floats_.as<float>() + index * width; }
  // Null when int8 activations are off.
  ActivationBlock* row_int8(int64_t index) const {
    auto* first = blocks_.as<ActivationBlock>();
    return first == nullptr ? nullptr : first + index * blocks;
  }

  int64_t width = 0;
  int64_t blocks = 0;  // int8 blocks per row

 private:
  HugeBuffer floats_;  // [rows, width]
  HugeBuffer blocks_;  // [rows, blocks]
};

}  // namespace pingti
