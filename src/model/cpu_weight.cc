#include "model/cpu_weight.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "base/check.h"

namespace pingti {
namespace {

void pack_in_parallel(const PackedMatrix& matrix, const std::byte* file_rows, ThreadPool& threads) {
  constexpr int64_t kChunk = 8;  // panels
  std::atomic<int64_t> next{0};
  threads.run([&](int) {
    for (int64_t begin; (begin = next.fetch_add(kChunk)) < matrix.panels();) {
      pack_panels(matrix, file_rows, begin, std::min(begin + kChunk, matrix.panels()));
    }
  });
}

Result<void> check_part(const gguf::TensorInfo& tensor, int64_t cols) {
  if (!tensor.present()) {
    return fail(ErrorKind::kInvalid, "model.missing_data",
                fmt::format("the file ends before the data of tensor {}", tensor.name),
                "fetch the file again");
  }
  if (tensor.cols() != cols) {
    return fail(ErrorKind::kInvalid, "model.bad_shape",
                fmt::format("tensor {} has {} columns, expected {}", tensor.name, tensor.cols(), cols));
  }
  return {};
}

Result<void> read_bias(const gguf::TensorInfo& tensor, int64_t rows, float* out) {
  if (tensor.values() != rows || !tensor.present()) {
    return fail(ErrorKind::kInvalid, "model.bad_shape",
                fmt::format("tensor {} has {} values, expected {}", tensor.name, tensor.values(), rows));
  }
  tensor.format->decode(tensor.data.data(), out, rows);
  return {};
}

}  // namespace

Result<std::unique_ptr<CpuWeight>> CpuWeight::load(const WeightSource& source, ThreadPool& threads) {
  PT_CHECK(!source.parts.empty());
  auto weight = std::make_unique<CpuWeight>();
  weight->cols = source.parts.front()->cols();
  for (const gguf::TensorInfo* tensor : source.parts) {
    PT_TRY_VOID(check_part(*tensor, weight->cols));
    Part part;
    PT_TRY(part.matrix, plan_packed(tensor->format->type, tensor->rows(), tensor->cols()));
    PT_TRY(part.memory, HugeBuffer::allocate(static_cast<size_t>(part.matrix.bytes())));
    part.matrix.data = part.memory.data();
    part.first_row = weight->rows;
    pack_in_parallel(part.matrix, tensor->data.data(), threads);
    source.file->release(*tensor);
    weight->rows += tensor->rows();
    weight->bytes += part.matrix.bytes();
    weight->scale_block = std::max(weight->scale_block, part.matrix.layout->scale_block);
    weight->parts.push_back(std::move(part));
  }
  const bool any_bias = std::ranges::any_of(source.biases, [](const auto* bias) { return bias != nullptr; });
  if (any_bias) {
    weight->bias_.assign(static_cast<size_t>(weight->rows), 0.0f);
    for (size_t i = 0; i < weight->parts.size(); ++i) {
      Part& part = weight->parts[i];
      float* bias = weight->bias_.data() + part.first_row;
      if (source.biases[i] != nullptr) PT_TRY_VOID(read_bias(*source.biases[i], part.matrix.rows, bias));
      part.bias = bias;
    }
  }
  return weight;
}

bool CpuWeight::any_float() const {
  return std::ranges::any_of(parts, [](const Part& part) { return part.matrix.layout->is_float(); });
}

void CpuWeight::decode_row(int64_t row, float* out) const {
  for (const Part& part : parts) {
    if (row < part.first_row + part.matrix.rows) return unpack_row(part.matrix, row - part.first_row, out);
  }
  PT_CHECK(false);
}

}  // namespace pingti
