// One GGUF file parsed by itself, before parts of a split model are joined: private to src/gguf.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "gguf/gguf.h"

namespace pingti::gguf {

struct Part {
  uint32_t version = 0;
  uint64_t alignment = 32;
  std::vector<std::pair<std::string_view, Value>> metadata;
  std::unordered_map<std::string_view, size_t> key_index;
  std::vector<TensorInfo> tensors;  // `part` is left 0
  bool complete = true;             // every tensor's data lies within the bytes
};

// Everything in the result points into `bytes`.
Result<Part> parse_part(std::span<const std::byte> bytes, OpenOptions options);

}  // namespace pingti::gguf
