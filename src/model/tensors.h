// Looks up a model file's tensors by name and checks their shapes.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "gguf/gguf.h"

namespace pingti {

// The tensor [rows, cols]; rows or cols of -1 accept any. Missing: "model.missing_tensor".
Result<const gguf::TensorInfo*> find_matrix(const gguf::File& file, const std::string& name, int64_t rows,
                                            int64_t cols);

// A vector of `count` values as floats.
Result<std::vector<float>> read_vector(const gguf::File& file, const std::string& name, int64_t count);

}  // namespace pingti
