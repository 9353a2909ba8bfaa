// The folder where pulled models lie, and the proof that a file in it is whole.
//
// FOLDER/FILE                      files of catalogue entries
// FOLDER/hf/ORG/REPO/FILE, ms/…    files of repositories
// FOLDER/url/HOST/FILE, pypi/PACKAGE/FILE
// Beside each file `.FILE.verified` (JSON) records size, mtime and sha256 as they were when the file was
// checked: while size and mtime still match, the file needs no second reading.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"

namespace pingti {

// PINGTI_MODELS, else XDG_DATA_HOME/pingti/models, else ~/.local/share/pingti/models.
std::filesystem::path default_models_folder();

struct Stamp {
  uint64_t size = 0;
  int64_t mtime_ns = 0;
  std::string sha256;
  std::string source;  // where the file came from
};

// What is known of a file before it is fetched; an empty digest or no size: unknown.
struct Expected {
  std::optional<uint64_t> size{};
  std::string sha256{};
};

// The stamp of `file`, if there is one and the file's size and mtime still match it.
std::optional<Stamp> valid_stamp(const std::filesystem::path& file);
// Records that `file`, as it lies there now, has this digest.
Result<void> write_stamp(const std::filesystem::path& file, const std::string& sha256,
                         const std::string& source);
void remove_stamp(const std::filesystem::path& file);

// Whether a file is there and whole. Reads it (and stamps it) only where no valid stamp answers, or when
// `reread` asks for it; `progress` hears the bytes read and may cancel by returning false.
// A file of which neither a stamp nor a digest is known is not taken for whole.
Result<bool> is_whole(const std::filesystem::path& file, const Expected& expected, bool reread,
                      const std::function<bool(uint64_t)>& progress);

}  // namespace pingti
