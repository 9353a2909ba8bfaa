#include "base/file_error.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace pingti {

std::unexpected<Error> file_error(const char* action, const std::filesystem::path& path) {
  const int error = errno;
  ErrorKind kind = ErrorKind::kIo;
  const char* code = "file.io";
  if (error == ENOENT) {
    kind = ErrorKind::kNotFound;
    code = "file.not_found";
  } else if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    kind = ErrorKind::kExhausted;
    code = "file.disk_full";
  }
  return fail(kind, code, fmt::format("cannot {} {}: {}", action, path.string(), std::strerror(error)));
}

}  // namespace pingti
