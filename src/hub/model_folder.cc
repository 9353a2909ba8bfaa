#include "hub/model_folder.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/file.h"
#include "hub/sha256.h"

namespace pingti {
namespace {

constexpr size_t kStampLimit = 64 * 1024;

std::filesystem::path stamp_path(const std::filesystem::path& file) {
  return file.parent_path() / ("." + file.filename().string() + ".verified");
}

struct FileState {
  uint64_t size = 0;
  int64_t mtime_ns = 0;
};

std::optional<FileState> state_of(const std::filesystem::path& file) {
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  return FileState{static_cast<uint64_t>(info.st_size),
                   int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec};
}

std::optional<Stamp> read_stamp(const std::filesystem::path& file) {
  const auto text = read_file(stamp_path(file), kStampLimit);
  if (!text) return std::nullopt;
  const auto json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  auto field = [&](const char* key) { return json.value(key, nlohmann::json()); };
  const auto size = field("size"), mtime = field("mtime_ns"), sha256 = field("sha256"),
             source = field("source");
  if (!size.is_number_unsigned() || !mtime.is_number_integer() || !sha256.is_string() ||
      !source.is_string()) {
    return std::nullopt;
  }
  return Stamp{size.get<uint64_t>(), mtime.get<int64_t>(), sha256.get<std::string>(),
               source.get<std::string>()};
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Result<std::string> sha256_of_file(const std::filesystem::path& file,
                                   const std::function<bool(uint64_t)>& progress) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return fail(ErrorKind::kIo, "hub.io", fmt::format("cannot open {}", file.string()));
  std::vector<char> buffer(size_t{1} << 20);
  Sha256 hash;
  uint64_t done = 0;
  while (stream.read(buffer.data(), static_cast<std::streamsize>(buffer.size())), stream.gcount() > 0) {
    const auto n = static_cast<size_t>(stream.gcount());
    hash.update(std::as_bytes(std::span(buffer.data(), n)));
    done += n;
    if (progress && !progress(done))
      return fail(ErrorKind::kCancelled, "hub.cancelled", "the pull was cancelled");
  }
  if (stream.bad()) return fail(ErrorKind::kIo, "hub.io", fmt::format("cannot read {}", file.string()));
  return hash.finish();
}

}  // namespace

std::filesystem::path default_models_folder() {
  if (const auto folder = environment("PINGTI_MODELS"); !folder.empty()) return folder;
  if (const auto data = environment("XDG_DATA_HOME"); !data.empty()) {
    return std::filesystem::path(data) / "pingti" / "models";
  }
  return std::filesystem::path(environment("HOME")) / ".local" / "share" / "pingti" / "models";
}

std::optional<Stamp> valid_stamp(const std::filesystem::path& file) {
  const auto state = state_of(file);
  if (!state) return std::nullopt;
  auto stamp = read_stamp(file);
  if (!stamp || stamp->size != state->size || stamp->mtime_ns != state->mtime_ns) return std::nullopt;
  return stamp;
}

Result<void> write_stamp(const std::filesystem::path& file, const std::string& sha256,
                         const std::string& source) {
  const auto state = state_of(file);
  if (!state) return fail(ErrorKind::kNotFound, "hub.io", fmt::format("{} is gone", file.string()));
  const nlohmann::json json = {
      {"size", state->size}, {"mtime_ns", state->mtime_ns}, {"sha256", sha256}, {"source", source}};
  return write_file_atomically(stamp_path(file),
                               json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

void remove_stamp(const std::filesystem::path& file) {
  std::error_code ignored;
  std::filesystem::remove(stamp_path(file), ignored);
}

Result<bool> is_whole(const std::filesystem::path& file, const Expected& expected, bool reread,
                      const std::function<bool(uint64_t)>& progress) {
  const auto state = state_of(file);
  if (!state) return false;
  if (expected.size && *expected.size != state->size) return false;
  if (const auto stamp = valid_stamp(file); stamp && !reread) {
    return expected.sha256.empty() || expected.sha256 == stamp->sha256;
  }
  const auto old = read_stamp(file);
  const std::string wanted = !expected.sha256.empty() ? expected.sha256 : old ? old->sha256 : "";
  if (wanted.empty()) return false;
  PT_TRY(const std::string found, sha256_of_file(file, progress));
  if (found != wanted) return false;
  // A folder that cannot be written to (a read-only mount) still holds whole files: no stamp then.
  (void)write_stamp(file, found, old ? old->source : "found on disk");
  return true;
}

}  // namespace pingti
