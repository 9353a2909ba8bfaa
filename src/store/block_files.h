// Where the files of KV blocks lie. An interface, so that tests can have disks that fail.
//
// FolderFiles: DIR/ab/cdef….kv, readable by this user alone, for it holds what people wrote. A file appears
// under its name whole or not at all: it is written beside and renamed. It is not synced: what a power cut
// leaves of it is told by its digest. Several processes may use one folder; a file that another writes is
// locked, so what a dead one left is known and removed by scan(). One thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "store/block.h"

namespace pingti {

class BlockFiles {
 public:
  using Time = std::chrono::system_clock::time_point;
  struct Entry {
    BlockName name{};
    int64_t bytes = 0;
    Time used{};
  };

  virtual ~BlockFiles() = default;
  virtual Result<std::vector<Entry>> scan() = 0;
  // At most `limit` bytes; a longer file gives limit + 1 of them. kNotFound when there is no such block.
  virtual Result<std::vector<std::byte>> read(const BlockName& name, size_t limit) = 0;
  virtual Result<void> write(const BlockName& name, std::span<const std::byte> bytes) = 0;
  virtual void remove(const BlockName& name) = 0;
  virtual void touch(const BlockName& name, Time used) = 0;
};

class FolderFiles final : public BlockFiles {
 public:
  // Makes the folder. Errors: "kv_store.folder".
  static Result<std::unique_ptr<FolderFiles>> open(const std::filesystem::path& folder);

  Result<std::vector<Entry>> scan() override;
  Result<std::vector<std::byte>> read(const BlockName& name, size_t limit) override;
  Result<void> write(const BlockName& name, std::span<const std::byte> bytes) override;
  void remove(const BlockName& name) override;
  void touch(const BlockName& name, Time used) override;

  std::filesystem::path path_of(const BlockName& name) const;

 private:
  explicit FolderFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}
  void remove_leftovers() const;

  std::filesystem::path folder_;
};

}  // namespace pingti
