#include "hub/part_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/file.h"

namespace pingti {
namespace {
constexpr size_t kSidecarLimit = 64 * 1024;
constexpr size_t kReadBytes = size_t{1} << 20;
}  // namespace

PartFile::PartFile(PartFile&& other) noexcept
    : target_(std::move(other.target_)),
      fd_(std::exchange(other.fd_, -1)),
      size_(other.size_),
      origin_(std::move(other.origin_)),
      hash_(std::move(other.hash_)) {}

PartFile& PartFile::operator=(PartFile&& other) noexcept {
  std::swap(target_, other.target_);
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  std::swap(origin_, other.origin_);
  std::swap(hash_, other.hash_);
  return *this;
}

PartFile::~PartFile() {
  if (fd_ >= 0) ::close(fd_);
}

std::filesystem::path PartFile::part_path() const { return target_.string() + ".part"; }
std::filesystem::path PartFile::sidecar_path() const { return target_.string() + ".part.json"; }

std::unexpected<Error> PartFile::io_error(const char* action) const {
  const int error = errno;
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    const auto free = free_disk_bytes(part_path());
    return fail(ErrorKind::kExhausted, "hub.disk_full",
                fmt::format("no room to {} {} at byte {}: {}; {} bytes are free", action,
                            part_path().string(), size_, std::strerror(error), free ? *free : 0),
                "free some space, or choose another folder with --dir; the pull goes on where it stopped");
  }
  return fail(ErrorKind::kIo, "hub.io",
              fmt::format("cannot {} {}: {}", action, part_path().string(), std::strerror(error)));
}

Result<PartFile> PartFile::open(const std::filesystem::path& target) {
  PartFile part(target, -1);
  part.fd_ = ::open(part.part_path().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (part.fd_ < 0) return part.io_error("create");
  struct stat info{};
  if (::fstat(part.fd_, &info) != 0) return part.io_error("read the size of");
  part.size_ = static_cast<uint64_t>(info.st_size);
  if (!part.read_sidecar()) {
    part.origin_ = PartOrigin{};
    PT_TRY_VOID(part.keep(0, {}));
  }
  return part;
}

Result<void> PartFile::read_sidecar() {
  PT_TRY(const std::string text, read_file(sidecar_path(), kSidecarLimit));
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return fail(ErrorKind::kInvalid, "hub.sidecar", "the sidecar is not a JSON object");
  auto word = [&](const char* key) {
    const auto it = json.find(key);
    return it != json.end() && it->is_string() ? it->get<std::string>() : std::string();
  };
  auto number = [&](const char* key) {
    const auto it = json.find(key);
    return it != json.end() && it->is_number_unsigned() ? it->get<uint64_t>() : 0;
  };
  origin_ = {word("source"), word("validator"), word("sha256"), number("pieces"), number("size")};
  return {};
}

Result<void> PartFile::set_origin(PartOrigin origin, bool durable) {
  if (durable && ::fdatasync(fd_) != 0) return io_error("write");
  origin_ = std::move(origin);
  const nlohmann::json json = {{"source", origin_.source},
                               {"validator", origin_.validator},
                               {"sha256", origin_.sha256},
                               {"pieces", origin_.pieces},
                               {"size", origin_.size}};
  return write_file_atomically(sidecar_path(),
                               json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

Result<void> PartFile::keep(uint64_t size, const std::function<bool(uint64_t)>& progress) {
  if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) return io_error("cut");
  size_ = size;
  hash_.reset();
  std::vector<std::byte> buffer(size > 0 ? kReadBytes : 0);
  for (uint64_t at = 0; at < size;) {
    const ssize_t n = ::pread(fd_, buffer.data(), buffer.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return io_error("read");
    hash_.update({buffer.data(), static_cast<size_t>(n)});
    at += static_cast<uint64_t>(n);
    if (progress && !progress(at))
      return fail(ErrorKind::kCancelled, "hub.cancelled", "the pull was cancelled");
  }
  if (::lseek(fd_, static_cast<off_t>(size), SEEK_SET) < 0) return io_error("seek in");
  return {};
}

Result<void> PartFile::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error("write");
    hash_.update(bytes.first(static_cast<size_t>(n)));
    size_ += static_cast<uint64_t>(n);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return {};
}

Result<void> PartFile::publish() {
  if (::fsync(fd_) != 0) return io_error("write");
  if (::rename(part_path().c_str(), target_.c_str()) != 0) return io_error("rename");
  ::unlink(sidecar_path().c_str());
  return {};
}

void PartFile::discard() {
  ::unlink(part_path().c_str());
  ::unlink(sidecar_path().c_str());
}

}  // namespace pingti
