// A file that is being fetched: TARGET.part holds what has arrived, TARGET.part.json says of what, so
// that a later process can go on. The sha256 is computed while bytes arrive; bytes of an earlier try are
// read again. Not thread-safe; the caller holds the target's lock.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "hub/sha256.h"

namespace pingti {

// What the bytes in a part file belong to.
struct PartOrigin {
  std::string source;     // address or package list
  std::string validator;  // strong ETag or Last-Modified of the answer; empty: none was sent
  std::string sha256;     // wanted digest of the whole; empty: unknown
  uint64_t pieces = 0;    // whole pieces already appended, for sources that come in pieces
  uint64_t size = 0;      // bytes those pieces make

  bool operator==(const PartOrigin&) const = default;
};

class PartFile {
 public:
  // Opens the part file of `target`, creating it where there is none. What it holds is kept: `origin()`
  // and `size()` tell; a part file without a readable sidecar is emptied.
  static Result<PartFile> open(const std::filesystem::path& target);
  PartFile(PartFile&& other) noexcept;
  PartFile& operator=(PartFile&& other) noexcept;
  ~PartFile();

  uint64_t size() const { return size_; }
  const PartOrigin& origin() const { return origin_; }

  // Writes the sidecar (atomically). `durable` syncs the bytes first, so that a recorded piece is there.
  Result<void> set_origin(PartOrigin origin, bool durable);
  // Cuts the file to `size` bytes and hashes what stays; `progress` hears the bytes read so far.
  Result<void> keep(uint64_t size, const std::function<bool(uint64_t)>& progress);
  Result<void> append(std::span<const std::byte> bytes);
  // Digest of everything in the file. Call once, after the last append.
  std::string sha256() { return hash_.finish(); }
  // Syncs and renames to the target; the sidecar goes.
  Result<void> publish();
  // Deletes part file and sidecar.
  void discard();

 private:
  PartFile(std::filesystem::path target, int fd) : target_(std::move(target)), fd_(fd) {}
  std::filesystem::path part_path() const;
  std::filesystem::path sidecar_path() const;
  std::unexpected<Error> io_error(const char* action) const;
  Result<void> read_sidecar();

  std::filesystem::path target_;
  int fd_ = -1;
  uint64_t size_ = 0;
  PartOrigin origin_;
  Sha256 hash_;
};

}  // namespace pingti
