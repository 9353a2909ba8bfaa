#include "model/tensors.h"

#include <fmt/format.h>

namespace pingti {

Result<const gguf::TensorInfo*> find_matrix(const gguf::File& file, const std::string& name, int64_t rows,
                                            int64_t cols) {
  const gguf::TensorInfo* tensor = file.find_tensor(name);
  if (tensor == nullptr) {
    return fail(ErrorKind::kInvalid, "model.missing_tensor", fmt::format("the file has no tensor {}", name));
  }
  if ((rows >= 0 && tensor->rows() != rows) || (cols >= 0 && tensor->cols() != cols)) {
    return fail(ErrorKind::kInvalid, "model.bad_shape",
                fmt::format("tensor {} is [{}, {}], expected [{}, {}]", name, tensor->rows(), tensor->cols(),
                            rows, cols));
  }
  if (!tensor->present()) {
    return fail(ErrorKind::kInvalid, "model.missing_data",
                fmt::format("the file ends before the data of tensor {}", name), "fetch the file again");
  }
  return tensor;
}

Result<std::vector<float>> read_vector(const gguf::File& file, const std::string& name, int64_t count) {
  PT_TRY(const gguf::TensorInfo* tensor, find_matrix(file, name, /*rows=*/1, /*cols=*/count));
  std::vector<float> values(static_cast<size_t>(count));
  tensor->format->decode(tensor->data.data(), values.data(), count);
  return values;
}

}  // namespace pingti
