// Builds GGUF bytes by hand for tests, lies included.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "gguf/value.h"

namespace pingti::gguf {

class RawFile {
 public:
  template <class T>
  RawFile& put(T value) {
    const size_t size = bytes_.size();
    bytes_.resize(size + sizeof(T));
    std::memcpy(bytes_.data() + size, &value, sizeof(T));
    return *this;
  }
  RawFile& text(std::string_view text) {
    for (const char c : text) bytes_.push_back(static_cast<std::byte>(c));
    return *this;
  }
  RawFile& string(std::string_view value) { return put(uint64_t{value.size()}).text(value); }
  RawFile& head(uint64_t tensors, uint64_t keys, uint32_t version = 3) {
    return text("GGUF").put(version).put(tensors).put(keys);
  }
  RawFile& key(std::string_view name, ValueType type) {
    return string(name).put(static_cast<uint32_t>(type));
  }
  RawFile& tensor(std::string_view name, std::initializer_list<uint64_t> dims, uint32_t type,
                  uint64_t offset) {
    string(name).put(static_cast<uint32_t>(dims.size()));
    for (const uint64_t dim : dims) put(dim);
    return put(type).put(offset);
  }
  RawFile& align(size_t alignment) {
    bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment);
    return *this;
  }
  RawFile& zeros(size_t count) {
    bytes_.resize(bytes_.size() + count);
    return *this;
  }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace pingti::gguf
