// Reader of GGUF model files, versions 2 and 3, little-endian: untrusted bytes to typed read-only views.
// Specification: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
//
// A File owns the maps of all its parts; every string_view and span it hands out points into them and lives
// as long as it (moving the File keeps them valid). After opening it is read-only: any thread may read.
// Everything is checked at opening; errors have stable codes "gguf.*" and name the field and both values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "gguf/value.h"
#include "quant/format.h"

namespace pingti::gguf {

// What a file may hold at most; above it opening fails with "gguf.limit".
inline constexpr uint64_t kMaxKeys = 1 << 16;
inline constexpr uint64_t kMaxTensors = 1 << 17;
inline constexpr uint64_t kMaxKeyBytes = (1 << 16) - 1;
inline constexpr uint64_t kMaxTensorNameBytes = 1024;
inline constexpr uint64_t kMaxStringBytes = 64 << 20;
inline constexpr uint64_t kMaxArrayCount = 1 << 28;
inline constexpr uint64_t kMaxAlignment = 1 << 20;
inline constexpr int64_t kMaxTensorValues = int64_t{1} << 46;
// Bytes into the data section; with the limits above it keeps every sum over a model within 63 bits.
inline constexpr uint64_t kMaxTensorOffset = uint64_t{1} << 48;
inline constexpr int kMaxDims = 4;
inline constexpr int kMaxParts = 1024;

struct TensorInfo {
  std::string_view name;
  const Format* format = nullptr;
  std::array<int64_t, kMaxDims> dims{1, 1, 1, 1};  // dims[0] varies fastest; unused ones are 1
  int dim_count = 0;
  int part = 0;         // index of the file part that holds it
  uint64_t offset = 0;  // from the start of that part
  // dims in `format`, rows one after another. Empty where the file lacks the data (allow_missing_data).
  std::span<const std::byte> data;

  int64_t cols() const { return dims[0]; }
  int64_t rows() const { return dims[1] * dims[2] * dims[3]; }
  int64_t values() const { return cols() * rows(); }
  int64_t row_bytes() const { return format->bytes_for(cols()); }
  int64_t byte_size() const { return row_bytes() * rows(); }  // also where `data` is empty
  bool present() const { return !data.empty(); }
};

struct OpenOptions {
  // Accept a file that ends within its tensor data, or of which later parts are missing: tensors not wholly
  // there have empty data; tensors of missing parts are absent.
  bool allow_missing_data = false;
};

class File {
 public:
  // Opens a model. Of a split model (NAME-00001-of-0000N.gguf) any part may be given; all are opened.
  static Result<File> open(const std::filesystem::path& path, OpenOptions options = {});
  // The same over bytes that the caller keeps alive, aligned to 8: one whole, unsplit file.
  static Result<File> open_memory(std::span<const std::byte> bytes, OpenOptions options = {});

  // Metadata of the first part, in file order.
  std::span<const std::pair<std::string_view, Value>> metadata() const { return metadata_; }
  const Value* find(std::string_view key) const;  // nullptr if absent
  bool has(std::string_view key) const { return find(key) != nullptr; }

  // The value as T: bool, std::string, std::string_view, float, double or an integer of 32 or 64 bits.
  // Integers of any stored width convert if the value fits; floats also from integers. Errors:
  // "gguf.missing_key", "gguf.wrong_type", "gguf.out_of_range".
  template <class T>
  Result<T> get(std::string_view key) const;

  // As get, but `fallback` where the key is absent. A present value of the wrong type is still an error.
  template <class T>
  Result<T> get_or(std::string_view key, T fallback) const {
    return has(key) ? get<T>(key) : Result<T>(std::move(fallback));
  }

  // A whole array, converted as by get. T: bool and the numeric types of get.
  template <class T>
  Result<std::vector<T>> get_array(std::string_view key) const;
  Result<std::vector<std::string_view>> get_strings(std::string_view key) const;

  // One value per layer: an array of exactly `layers` values, or one scalar that holds for all of them.
  template <class T>
  Result<std::vector<T>> get_per_layer(std::string_view key, int64_t layers) const;

  // Tensors of all parts, in file order.
  std::span<const TensorInfo> tensors() const { return tensors_; }
  const TensorInfo* find_tensor(std::string_view name) const;  // nullptr if absent

  uint32_t version() const { return version_; }
  uint64_t alignment() const { return alignment_; }
  int part_count() const { return part_count_; }           // as the file states
  uint64_t file_bytes() const { return file_bytes_; }      // of the parts that are there
  uint64_t tensor_bytes() const { return tensor_bytes_; }  // sum of byte_size()
  bool complete() const { return complete_; }              // every tensor's data is there

  // Tells the system that this tensor's file pages may leave memory; the data stays readable.
  void release(const TensorInfo& tensor) const;

 private:
  File() = default;
  static Result<File> open_one(const std::filesystem::path& path, OpenOptions options);
  static Result<File> from_bytes(std::span<const std::byte> bytes, OpenOptions options);
  Result<void> add_tensor(const TensorInfo& tensor);
  Result<void> absorb(File part);  // appends the tensors of a further part

  std::vector<MappedFile> parts_;  // none where the bytes are the caller's
  std::vector<std::pair<std::string_view, Value>> metadata_;
  std::vector<TensorInfo> tensors_;
  std::unordered_map<std::string_view, size_t> key_index_;
  std::unordered_map<std::string_view, size_t> tensor_index_;
  uint32_t version_ = 0;
  uint64_t alignment_ = 32;
  int part_count_ = 1;
  uint64_t file_bytes_ = 0;
  uint64_t tensor_bytes_ = 0;
  bool complete_ = true;
};

}  // namespace pingti::gguf
