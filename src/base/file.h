// Files: read-only memory maps, whole-file reads, atomic writes, free disk space.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pingti {

// A whole file mapped read-only. Movable; unmaps on destruction. Any thread may read.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::filesystem::path& path);
  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  // Tells the kernel that these bytes are no longer needed in memory (they stay readable).
  void release(std::span<const std::byte> part) const;

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// Reads a whole file; refuses one above `limit` bytes.
Result<std::string> read_file(const std::filesystem::path& path, size_t limit = size_t{1} << 30);

// Writes through an OutputFile (output_file.h): after a crash the old file or the new one is whole.
Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view content);

// Bytes an ordinary user can still write on the file system that holds `path` (or its nearest parent).
Result<uint64_t> free_disk_bytes(const std::filesystem::path& path);

}  // namespace pingti
