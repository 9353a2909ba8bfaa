// Reader of safetensors files: untrusted bytes to typed read-only views.
// Specification: https://huggingface.co/docs/safetensors (format)
//
// The tensors are described as those of a GGUF file, so that what loads weights need not know where they came
// from: dims[0] varies fastest, which is the last dimension of the file's "shape". The file owns its map;
// views live as long as it (moving it keeps them valid). Data may lie at any address, unaligned. After
// opening it is read-only: any thread may read. Errors: "safetensors.*" with the tensor and both values,
// "file.*".
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "gguf/gguf.h"

namespace pingti::gguf {

inline constexpr uint64_t kMaxSafetensorsHeader = 32 << 20;  // bytes

class SafetensorsFile {
 public:
  static Result<SafetensorsFile> open(const std::filesystem::path& path);
  // The same over bytes that the caller keeps alive.
  static Result<SafetensorsFile> open_memory(std::span<const std::byte> bytes);

  // Tensors of F32, F16 and BF16 with one to four dimensions, in the order of their data.
  std::span<const TensorInfo> tensors() const { return tensors_; }
  const TensorInfo* find_tensor(std::string_view name) const;  // nullptr if absent
  // Names of tensors of other types or shapes, with what they are: "x (I64)".
  const std::vector<std::string>& skipped() const { return skipped_; }

 private:
  static Result<SafetensorsFile> from_bytes(std::span<const std::byte> bytes);

  MappedFile map_;
  std::deque<std::string> names_;  // never moved: the tensors' names point into it
  std::vector<TensorInfo> tensors_;
  std::unordered_map<std::string_view, size_t> index_;
  std::vector<std::string> skipped_;
};

}  // namespace pingti::gguf
