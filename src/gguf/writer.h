// Writer of GGUF files, version 3, little-endian.
//
// Set metadata and add tensors in any order, then write once. The file appears whole or not at all: it is
// made beside its target, synced and renamed. Tensor data is pulled at writing time, one tensor after
// another, so that a model larger than memory can be written. One thread at a time.
// Names, dims and sizes are the caller's to get right (they are checked: Results with codes "gguf.*").
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "gguf/gguf.h"
#include "gguf/value.h"
#include "quant/format.h"

namespace pingti::gguf {

class Writer {
 public:
  // Where a provider puts a tensor's bytes, in order, in pieces of any size.
  using Sink = std::function<Result<void>(std::span<const std::byte>)>;
  using Provider = std::function<Result<void>(const Sink&)>;

  // Sets a metadata value, stored as exactly the type given; setting a key again replaces its value.
  // T: the fixed-width integers, float, double, bool, std::string_view.
  template <class T>
  void set(std::string_view key, T value);
  void set(std::string_view key, const char* value) { set(key, std::string_view(value)); }
  void set(std::string_view key, const std::string& value) { set(key, std::string_view(value)); }
  void set(std::string_view key, const Value& value);
  // T: the fixed-width integers, float, double, bool.
  template <class T>
  void set_array(std::string_view key, std::span<const T> values);
  void set_strings(std::string_view key, std::span<const std::string> values);

  // All metadata of `file` except what describes its splitting.
  void copy_metadata(const File& file);

  // dims[0] varies fastest. The provider must deliver format->bytes_for(product of dims) bytes.
  Result<void> add_tensor(std::string_view name, const Format* format, std::span<const int64_t> dims,
                          Provider provider);
  // The same with data that lives until write() has returned.
  Result<void> add_tensor(std::string_view name, const Format* format, std::span<const int64_t> dims,
                          std::span<const std::byte> data);

  Result<void> write(const std::filesystem::path& path) const;

 private:
  struct Tensor {
    std::string name;
    const Format* format;
    std::vector<int64_t> dims;
    uint64_t bytes;
    Provider provider;
  };

  void put(std::string_view key, ValueType type, std::string_view payload);
  std::string header(uint64_t alignment) const;
  Result<uint64_t> alignment() const;

  std::vector<std::pair<std::string, std::string>> metadata_;  // key -> type number and payload, encoded
  std::unordered_map<std::string, size_t> key_index_;
  std::vector<Tensor> tensors_;
  std::unordered_map<std::string, size_t> tensor_index_;
};

}  // namespace pingti::gguf
