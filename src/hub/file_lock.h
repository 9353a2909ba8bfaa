// A lock between processes and threads, held by flock(2) on a small file that goes when the lock goes.
// The kernel releases it when its holder dies, so a kill -9 leaves nothing to clean up.
#pragma once

#include <filesystem>
#include <functional>
#include <stop_token>
#include <utility>

#include "base/result.h"

namespace pingti {

class FileLock {
 public:
  // Waits until the lock is free; calls `on_wait` once if it is not at first.
  static Result<FileLock> acquire(const std::filesystem::path& path, const std::stop_token& stop,
                                  const std::function<void()>& on_wait);
  FileLock(FileLock&& other) noexcept : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileLock();

 private:
  FileLock(std::filesystem::path path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::filesystem::path path_;
  int fd_ = -1;
};

}  // namespace pingti
