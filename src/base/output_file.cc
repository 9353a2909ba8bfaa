#include "base/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <random>
#include <utility>

#include "base/file_error.h"

namespace pingti {
namespace {

constexpr int kNameTries = 100;

// A renamed file is found again after a power cut only when its folder is synced. Not every file system can,
// and a folder may be writable but not readable: then the rename is as durable as it gets.
void sync_folder(const std::filesystem::path& file) {
  const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
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

// Not mkostemp, whose files are for their owner alone: the umask is the process's, so it cannot be read
// without changing it for every thread.
Result<OutputFile> OutputFile::create(const std::filesystem::path& target) {
  std::random_device random;
  for (int tries = 0; tries < kNameTries; ++tries) {
    std::string temporary = fmt::format("{}.{:08x}", target.string(), random());
    const int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0) return OutputFile(descriptor, std::move(temporary), target);
    if (errno != EEXIST) break;
  }
  return file_error("create a file beside", target);
}

Result<void> OutputFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return file_error("write", target_);
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
  if (::fsync(descriptor_) != 0) return file_error("write", target_);
  if (::close(std::exchange(descriptor_, -1)) != 0) return file_error("write", target_);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0)
    return file_error("rename the new file to", target_);
  temporary_.clear();
  sync_folder(target_);
  return {};
}

}  // namespace pingti
