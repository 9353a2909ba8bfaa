// Which files of a repository make the wanted model.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/hub.h"

namespace pingti {

// `selector` is a file's path, a quant's name (letter case aside), or empty for the first of the default
// order that the repository has. The result is one file, or all parts of a split file
// (NAME-00001-of-0000N.gguf) in order. An ambiguous or unmatched selector gives an error with the choices.
// `place` names the repository in errors.
Result<std::vector<RemoteFile>> choose_files(const std::vector<RemoteFile>& files, std::string_view selector,
                                             std::string_view place);

// The name of part `index` (from 1) of `count` of a split file.
std::string split_name(std::string_view file, size_t index, size_t count);

}  // namespace pingti
