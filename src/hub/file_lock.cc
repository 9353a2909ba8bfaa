#include "hub/file_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

namespace pingti {
namespace {

// Whether `fd` is still the file that `path` names (another holder may have removed it meanwhile).
bool still_named(int fd, const std::filesystem::path& path) {
  struct stat held{};
  struct stat named{};
  return ::fstat(fd, &held) == 0 && ::stat(path.c_str(), &named) == 0 && held.st_ino == named.st_ino &&
         held.st_dev == named.st_dev;
}

}  // namespace

Result<FileLock> FileLock::acquire(const std::filesystem::path& path, const std::stop_token& stop,
                                   const std::function<void()>& on_wait) {
  bool told = false;
  while (!stop.stop_requested()) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
      return fail(ErrorKind::kIo, "hub.lock",
                  fmt::format("cannot create the lock file {}: {}", path.string(), std::strerror(errno)));
    }
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0 && still_named(fd, path)) return FileLock(path, fd);
    ::close(fd);
    if (!std::exchange(told, true)) on_wait();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return fail(ErrorKind::kCancelled, "hub.cancelled",
              fmt::format("cancelled while waiting for the lock {}", path.string()));
}

FileLock::~FileLock() {
  if (fd_ < 0) return;
  ::unlink(path_.c_str());
  ::close(fd_);
}

}  // namespace pingti
