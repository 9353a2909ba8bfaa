// Opens any bytes as a GGUF file and reads all that it offers.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "gguf/gguf.h"
#include "gguf/summary.h"

namespace {

using pingti::gguf::File;
using pingti::gguf::TensorInfo;

void read_everything(const File& file) {
  if (pingti::gguf::summarize(file).parameters < 0) std::abort();
  for (const auto& [key, value] : file.metadata()) {
    if (file.find(key) != &value) std::abort();
    (void)file.get<int32_t>(key);
    (void)file.get<double>(key);
    (void)file.get<bool>(key);
    (void)file.get<std::string>(key);
    (void)file.get_array<uint32_t>(key);
    (void)file.get_array<float>(key);
    (void)file.get_strings(key);
    (void)file.get_per_layer<int64_t>(key, 4);
  }
  std::vector<float> row;
  for (const TensorInfo& tensor : file.tensors()) {
    if (file.find_tensor(tensor.name) != &tensor) std::abort();
    if (!tensor.present()) continue;
    if (tensor.data.size() != static_cast<size_t>(tensor.byte_size())) std::abort();
    row.resize(static_cast<size_t>(tensor.cols()));
    tensor.format->decode(tensor.data.data(), row.data(), tensor.cols());
    file.release(tensor);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<uint64_t> aligned((size + 7) / 8);
  if (size > 0) std::memcpy(aligned.data(), data, size);
  const auto bytes = std::as_bytes(std::span(aligned)).first(size);
  const auto strict = File::open_memory(bytes);
  const auto lenient = File::open_memory(bytes, {.allow_missing_data = true});
  if (strict && !lenient) std::abort();
  if (strict) read_everything(*strict);
  if (lenient) read_everything(*lenient);
  return 0;
}
