#include "gguf/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace pingti::gguf {
namespace {

std::unexpected<Error> io_error(const char* action, const std::filesystem::path& path) {
  const int error = errno;
  return fail(error == ENOSPC ? ErrorKind::kExhausted : ErrorKind::kIo,
              error == ENOSPC ? "file.disk_full" : "file.io",
              fmt::format("cannot {} {}: {}", action, path.string(), std::strerror(error)));
}

// The permissions an ordinary new file would get; mkostemp gives 0600.
mode_t default_mode() {
  const mode_t mask = ::umask(022);
  ::umask(mask);
  return 0666 & ~mask;
}

}  // namespace

OutputFile::OutputFile(int descriptor, std::string temporary, std::filesystem::path target)
    : descriptor_(descriptor), temporary_(std::move(temporary)), target_(std::move(target)) {}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      temporary_(std::exchange(other.temporary_, {})),
      target_(std::move(other.target_)) {}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<OutputFile> OutputFile::create(const std::filesystem::path& target) {
  std::string temporary = target.string() + ".XXXXXX";
  const int descriptor = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (descriptor < 0) return io_error("create a file beside", target);
  return OutputFile(descriptor, std::move(temporary), target);
}

Result<void> OutputFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return io_error("write", target_);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return {};
}

Result<void> OutputFile::write_zeros(uint64_t count) {
  static constexpr std::array<std::byte, 4096> kZeros{};
  while (count > 0) {
    const uint64_t piece = std::min<uint64_t>(count, kZeros.size());
    PT_TRY_VOID(write(std::span(kZeros).first(piece)));
    count -= piece;
  }
  return {};
}

Result<void> OutputFile::commit() {
  ::fchmod(descriptor_, default_mode());
  if (::fsync(descriptor_) != 0) return io_error("write", target_);
  if (::close(std::exchange(descriptor_, -1)) != 0) return io_error("write", target_);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) return io_error("rename the new file to", target_);
  temporary_.clear();
  return {};
}

}  // namespace pingti::gguf
