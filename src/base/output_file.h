// A file being written beside its target.
//
// commit() syncs it, renames it over the target and syncs the folder; without commit the destructor removes
// it. So the target is always the old file or the whole new one, after a crash too. The new file's
// permissions are what the process's umask leaves of 0666. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "base/result.h"

namespace pingti {

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

}  // namespace pingti
