#include "hub/file_choice.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <regex>

#include "hub/text.h"

namespace pingti {
namespace {

constexpr size_t kListedNames = 30;

// Without a wish: quality per byte first, then what every repository has.
constexpr std::string_view kDefaultOrder[] = {"Q4_K_M", "Q4_K_S", "Q4_0",   "Q4_1", "Q5_K_M", "Q5_K_S",
                                              "Q6_K",   "Q8_0",   "Q3_K_M", "BF16", "F16",    "F32"};

// One model: a file, or the parts of a split one in order.
struct FileSet {
  std::string stem;  // path without part numbers and ".gguf"
  std::vector<RemoteFile> files;
};

struct SplitName {
  std::string stem;
  size_t index, count;
};

std::optional<SplitName> parse_split(const std::string& path) {
  static const std::regex kSplit("(.*)-([0-9]{5})-of-([0-9]{5})\\.gguf");
  std::smatch match;
  if (!std::regex_match(path, match, kSplit)) return std::nullopt;
  return SplitName{match[1], std::stoul(match[2]), std::stoul(match[3])};
}

// Vision projectors and importance matrices are GGUF files, but no language models.
bool is_model(const std::string& path) {
  const std::string name = lower(path);
  return name.ends_with(".gguf") && name.find("mmproj") == std::string::npos &&
         name.find("imatrix") == std::string::npos;
}

// The complete sets of the repository.
std::vector<FileSet> group(const std::vector<RemoteFile>& files) {
  std::vector<FileSet> sets;
  std::map<std::pair<std::string, size_t>, std::map<size_t, RemoteFile>> split;
  for (const auto& file : files) {
    if (!is_model(file.path)) continue;
    if (const auto name = parse_split(file.path)) {
      split[{name->stem, name->count}][name->index] = file;
    } else {
      sets.push_back({file.path.substr(0, file.path.size() - 5), {file}});
    }
  }
  for (const auto& [key, parts] : split) {
    if (parts.size() != key.second || parts.begin()->first != 1 || parts.rbegin()->first != key.second)
      continue;
    FileSet set{key.first, {}};
    for (const auto& part : parts) set.files.push_back(part.second);
    sets.push_back(std::move(set));
  }
  return sets;
}

// Whether `stem` names `quant`: as a word of its own, so that Q4_K is not found in Q4_K_M.
bool names_quant(const std::string& stem, std::string_view quant) {
  const std::string text = lower(stem);
  const std::string word = lower(quant);
  auto inside = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  const size_t slash = text.rfind('/');
  for (size_t at = slash == std::string::npos ? 0 : slash; (at = text.find(word, at)) != std::string::npos;
       ++at) {
    const bool begins = at == 0 || !inside(text[at - 1]);
    const size_t end = at + word.size();
    if (begins && (end == text.size() || !inside(text[end]))) return true;
  }
  return false;
}

std::vector<FileSet> matching(const std::vector<FileSet>& sets, std::string_view quant) {
  std::vector<FileSet> found;
  std::copy_if(sets.begin(), sets.end(), std::back_inserter(found),
               [&](const FileSet& set) { return names_quant(set.stem, quant); });
  return found;
}

std::string list(const std::vector<FileSet>& sets) {
  std::vector<std::string> names;
  for (const auto& set : sets) names.push_back(set.files.front().path);
  const size_t left_out = names.size() > kListedNames ? names.size() - kListedNames : 0;
  names.resize(names.size() - left_out);
  return fmt::format("{}{}", fmt::join(names, ", "),
                     left_out > 0 ? fmt::format(" and {} more", left_out) : "");
}

std::optional<std::vector<RemoteFile>> by_path(const std::vector<RemoteFile>& files,
                                               const std::vector<FileSet>& sets, std::string_view path) {
  for (const auto& set : sets) {
    for (const auto& file : set.files) {
      if (file.path == path) return set.files;
    }
  }
  for (const auto& file : files) {
    if (file.path == path && !parse_split(file.path)) return std::vector{file};
  }
  return std::nullopt;
}

}  // namespace

Result<std::vector<RemoteFile>> choose_files(const std::vector<RemoteFile>& files, std::string_view selector,
                                             std::string_view place) {
  const auto sets = group(files);
  if (!selector.empty()) {
    if (auto chosen = by_path(files, sets, selector)) return *chosen;
  }
  std::vector<FileSet> found;
  if (!selector.empty()) {
    found = matching(sets, selector);
  } else if (sets.size() == 1) {
    found = sets;
  } else {
    for (const auto quant : kDefaultOrder) {
      if (found = matching(sets, quant); !found.empty()) break;
    }
  }
  if (found.size() == 1) return found.front().files;
  if (sets.empty()) {
    return fail(ErrorKind::kNotFound, "hub.no_such_file",
                fmt::format("{} has no whole GGUF file among its {} files{}", place, files.size(),
                            selector.empty() ? "" : fmt::format(", and no file '{}'", selector)),
                "many models have a second repository whose name ends in -GGUF");
  }
  const bool ambiguous = !found.empty();
  return fail(ambiguous ? ErrorKind::kInvalid : ErrorKind::kNotFound,
              ambiguous ? "hub.ambiguous" : "hub.no_such_file",
              fmt::format("{} files of {} match '{}', wanted 1; {}: {}", found.size(), place,
                          selector.empty() ? "the default quants" : selector,
                          ambiguous ? "they are" : "it has", list(ambiguous ? found : sets)),
              "name the quant or the whole file after a colon");
}

std::string split_name(std::string_view file, size_t index, size_t count) {
  if (count == 1) return std::string(file);
  if (file.ends_with(".gguf")) file.remove_suffix(5);
  return fmt::format("{}-{:05}-of-{:05}.gguf", file, index, count);
}

}  // namespace pingti
