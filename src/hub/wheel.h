// Takes one file out of a wheel (a zip), and nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

#include "base/result.h"

namespace pingti {

using ByteSink = std::function<Result<void>(std::span<const std::byte>)>;

// The one file of the wheel whose name matches `glob` (fnmatch; empty: "*.gguf"). No match or several is
// an error that lists the choices.
Result<std::string> choose_in_wheel(const std::filesystem::path& wheel, const std::string& glob);

// Streams that entry into `sink`: at most `limit` bytes, whatever the zip's headers say. Nothing is
// written to disk here, so names in the archive cannot do harm.
Result<void> extract_from_wheel(const std::filesystem::path& wheel, const std::string& entry, uint64_t limit,
                                const ByteSink& sink);

}  // namespace pingti
