#include "store/block_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace pingti {
namespace {

constexpr std::string_view kSuffix = ".kv";
constexpr std::string_view kTemporary = "writing-";

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int get() const { return value_; }
  explicit operator bool() const { return value_ >= 0; }

 private:
  int value_;
};

std::unexpected<Error> io_error(const char* what, const std::filesystem::path& path, int code) {
  const ErrorKind kind = code == ENOENT                     ? ErrorKind::kNotFound
                         : code == ENOSPC || code == EDQUOT ? ErrorKind::kExhausted
                                                            : ErrorKind::kIo;
  return fail(kind, "kv_store.io", fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(code)));
}

bool write_all(int descriptor, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
  return true;
}

}  // namespace

Result<std::unique_ptr<FolderFiles>> FolderFiles::open(const std::filesystem::path& folder) {
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (code || ::access(folder.c_str(), R_OK | W_OK | X_OK) != 0) {
    return fail(ErrorKind::kIo, "kv_store.folder",
                fmt::format("the folder {} for KV blocks cannot be used: {}", folder.string(),
                            code ? code.message() : std::strerror(errno)),
                "--kv-disk names a folder that this user may write");
  }
  return std::unique_ptr<FolderFiles>(new FolderFiles(folder));
}

std::filesystem::path FolderFiles::path_of(const BlockName& name) const {
  const std::string hex = to_hex(name);
  return folder_ / hex.substr(0, 2) / (hex.substr(2) + std::string(kSuffix));
}

Result<std::vector<FolderFiles::Entry>> FolderFiles::scan() {
  remove_leftovers();
  std::vector<Entry> entries;
  std::error_code code;
  for (std::filesystem::directory_iterator sub(folder_, code), end; !code && sub != end;
       sub.increment(code)) {
    const std::string prefix = sub->path().filename().string();
    std::error_code inner;
    if (prefix.size() != 2 || !sub->is_directory(inner)) continue;
    for (std::filesystem::directory_iterator file(sub->path(), inner); !inner && file != end;
         file.increment(inner)) {
      std::string name = file->path().filename().string();
      Entry entry;
      struct stat status{};
      if (!name.ends_with(kSuffix) ||
          !from_hex(prefix + name.substr(0, name.size() - kSuffix.size()), &entry.name) ||
          ::stat(file->path().c_str(), &status) != 0 || !S_ISREG(status.st_mode))
        continue;
      entry.bytes = status.st_size;
      entry.used = Time(std::chrono::duration_cast<Time::duration>(
          std::chrono::seconds(status.st_mtim.tv_sec) + std::chrono::nanoseconds(status.st_mtim.tv_nsec)));
      entries.push_back(entry);
    }
  }
  if (code) return io_error("list", folder_, code.value());
  return entries;
}

// Files that a process began and did not live to rename.
void FolderFiles::remove_leftovers() const {
  std::error_code code;
  for (std::filesystem::directory_iterator file(folder_, code), end; !code && file != end;
       file.increment(code)) {
    if (!file->path().filename().string().starts_with(kTemporary)) continue;
    const Descriptor descriptor(::open(file->path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (descriptor && ::flock(descriptor.get(), LOCK_EX | LOCK_NB) == 0) ::unlink(file->path().c_str());
  }
}

Result<std::vector<std::byte>> FolderFiles::read(const BlockName& name, size_t limit) {
  const auto path = path_of(name);
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!descriptor) return io_error("open", path, errno);
  std::vector<std::byte> bytes(limit + 1);
  size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t count = ::read(descriptor.get(), bytes.data() + size, bytes.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io_error("read", path, errno);
    if (count == 0) break;
    size += static_cast<size_t>(count);
  }
  bytes.resize(size);
  return bytes;
}

Result<void> FolderFiles::write(const BlockName& name, std::span<const std::byte> bytes) {
  const auto path = path_of(name);
  std::string temporary = (folder_ / (std::string(kTemporary) + "XXXXXX")).string();
  const Descriptor descriptor(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!descriptor) return io_error("make", temporary, errno);
  const auto give_up = [&](const char* what) {
    const int code = errno;
    ::unlink(temporary.c_str());
    return io_error(what, path, code);
  };
  ::flock(descriptor.get(), LOCK_EX);
  if (!write_all(descriptor.get(), bytes)) return give_up("write");
  if (::rename(temporary.c_str(), path.c_str()) == 0) return {};
  if (errno != ENOENT) return give_up("rename");
  if (::mkdir(path.parent_path().c_str(), 0700) != 0 && errno != EEXIST) return give_up("make the folder of");
  if (::rename(temporary.c_str(), path.c_str()) != 0) return give_up("rename");
  return {};
}

void FolderFiles::remove(const BlockName& name) { ::unlink(path_of(name).c_str()); }

void FolderFiles::touch(const BlockName& name, Time used) {
  const auto nanoseconds =
      std::chrono::duration_cast<std::chrono::nanoseconds>(used.time_since_epoch()).count();
  const timespec time{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
  const timespec times[] = {time, time};
  ::utimensat(AT_FDCWD, path_of(name).c_str(), times, 0);
}

}  // namespace pingti
