// Where pulled models lie: lookups in the models folder that need no network. resolve_model and local_files
// (pull.h) are its public part.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "hub/reference.h"

namespace pingti {

// An existing regular file named by its path.
Result<std::filesystem::path> resolve_path(const Reference& reference);

// FOLDER/url/HOST/PATH of an address; the port and every other odd character become '_'.
Result<std::filesystem::path> url_target(const Reference& reference, const std::filesystem::path& folder);

// The file in `folder` whose valid stamp names this source.
std::optional<std::filesystem::path> find_by_source(const std::filesystem::path& folder,
                                                    const std::string& source);

}  // namespace pingti
