// Opens any bytes as a safetensors file and decodes a row of each tensor.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "gguf/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pingti::gguf;
  const auto file = SafetensorsFile::open_memory(std::as_bytes(std::span(data, size)));
  if (!file) return 0;
  std::vector<float> row;
  for (const TensorInfo& tensor : file->tensors()) {
    if (file->find_tensor(tensor.name) != &tensor) std::abort();
    if (tensor.data.size() != static_cast<size_t>(tensor.byte_size())) std::abort();
    std::vector<std::byte> copy(tensor.data.begin(), tensor.data.begin() + tensor.row_bytes());
    row.resize(static_cast<size_t>(tensor.cols()));
    tensor.format->decode(copy.data(), row.data(), tensor.cols());
  }
  return 0;
}
