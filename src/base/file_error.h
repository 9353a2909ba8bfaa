// The Error of a system call that failed on a file: private to src/base.
#pragma once

#include <expected>
#include <filesystem>

#include "base/result.h"

namespace pingti {

// "cannot ACTION PATH: why", from errno. Codes: "file.not_found"; "file.disk_full" for a full disk, an
// exhausted quota or a limit on file sizes; otherwise "file.io".
std::unexpected<Error> file_error(const char* action, const std::filesystem::path& path);

}  // namespace pingti
