#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/file_error.h"
#include "base/output_file.h"

namespace pingti {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return file_error("open", path);
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return file_error("read the size of", path);
  if (!S_ISREG(info.st_mode)) {
    return fail(ErrorKind::kInvalid, "file.not_regular",
                fmt::format("{} is not a regular file", path.string()));
  }
  MappedFile file;
  file.size_ = static_cast<size_t>(info.st_size);
  if (file.size_ == 0) return file;
  void* data = ::mmap(nullptr, file.size_, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (data == MAP_FAILED) return file_error("map", path);
  file.data_ = static_cast<const std::byte*>(data);
  return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::release(std::span<const std::byte> part) const {
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  auto begin = (reinterpret_cast<uintptr_t>(part.data()) + page - 1) & ~(page - 1);
  auto end = reinterpret_cast<uintptr_t>(part.data() + part.size()) & ~(page - 1);
  if (end > begin) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

Result<std::string> read_file(const std::filesystem::path& path, size_t limit) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return file_error("open", path);
  std::string content;
  char buffer[65536];
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_error("read", path);
    if (n == 0) return content;
    if (content.size() + static_cast<size_t>(n) > limit) {
      return fail(ErrorKind::kTooLarge, "file.too_large",
                  fmt::format("{} is larger than the limit of {} bytes", path.string(), limit));
    }
    content.append(buffer, static_cast<size_t>(n));
  }
}

Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view content) {
  PT_TRY(auto file, OutputFile::create(path));
  PT_TRY_VOID(file.write(std::as_bytes(std::span(content))));
  return file.commit();
}

Result<uint64_t> free_disk_bytes(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::path probe = std::filesystem::absolute(path, error);
  while (!std::filesystem::exists(probe, error) && probe.has_relative_path()) probe = probe.parent_path();
  struct statvfs info{};
  if (::statvfs(probe.c_str(), &info) != 0) return file_error("read the free space of", probe);
  return uint64_t{info.f_bavail} * info.f_frsize;
}

}  // namespace pingti
