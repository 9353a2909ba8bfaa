// A file being written beside its target: private to src/gguf.
//
// commit() syncs it and renames it over the target; without commit the destructor removes it, so that the
// target is always the old file or the whole new one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "base/result.h"

namespace pingti::gguf {

class OutputFile {
 public:
  static Result<OutputFile> create(const std::filesystem::path& target);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  Result<void> write(std::span<const std::byte> bytes);
  Result<void> write_zeros(uint64_t count);
  Result<void> commit();

 private:
  OutputFile(int descriptor, std::string temporary, std::filesystem::path target);

  int descriptor_;
  std::string temporary_;
  std::filesystem::path target_;
};

}  // namespace pingti::gguf
