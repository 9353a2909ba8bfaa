#include "hub/local_models.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "hub/file_choice.h"
#include "hub/hub.h"
#include "hub/pull.h"

namespace pingti {
namespace {

namespace fs = std::filesystem;

// The files of a repository that were pulled before.
std::vector<RemoteFile> pulled_before(const fs::path& folder) {
  std::vector<RemoteFile> files;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (!valid_stamp(it->path())) continue;
    files.push_back({it->path().lexically_relative(folder).string(), std::nullopt, ""});
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

std::unexpected<Error> not_pulled(const Reference& reference) {
  const std::string text = display(reference);
  return fail(ErrorKind::kNotFound, "hub.not_pulled",
              fmt::format("the model {} is not on this machine", text),
              fmt::format("fetch it with: pingti pull {}", text));
}

}  // namespace

Result<fs::path> resolve_path(const Reference& reference) {
  std::error_code error;
  if (fs::is_regular_file(reference.name, error)) return fs::path(reference.name);
  const bool there = fs::exists(reference.name, error);
  return fail(
      there ? ErrorKind::kInvalid : ErrorKind::kNotFound, there ? "file.not_regular" : "file.not_found",
      fmt::format("the model file {} {}", reference.name, there ? "is not a regular file" : "does not exist"),
      "`pingti models` lists models that can be named without a path");
}

Result<fs::path> url_target(const Reference& reference, const fs::path& folder) {
  std::string_view rest = std::string_view(reference.name).substr(reference.name.find("//") + 2);
  rest = rest.substr(0, rest.find('?'));
  std::string path(rest);
  std::replace_if(
      path.begin(), path.end(),
      [](unsigned char c) {
        return !(std::isalnum(c) != 0 || c == '/' || c == '.' || c == '_' || c == '-' || c >= 0x80);
      },
      '_');
  if (!is_safe_relative_path(path) || path.find('/') == std::string::npos) {
    return fail(ErrorKind::kInvalid, "hub.reference",
                fmt::format("the address {} does not end in a file name", display(reference)));
  }
  return folder / "url" / path;
}

std::optional<fs::path> find_by_source(const fs::path& folder, const std::string& source) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const auto stamp = valid_stamp(entry.path());
    if (stamp && stamp->source == source) return entry.path();
  }
  return std::nullopt;
}

std::vector<fs::path> local_files(const ModelQuant& quant, const fs::path& folder) {
  const fs::path single = folder / quant.file;
  const auto whole = is_whole(single, {quant.size, quant.sha256}, /*reread=*/false, {});
  if (whole && *whole) return {single};
  std::vector<RemoteFile> candidates;
  std::error_code error;
  const std::string stem = fs::path(quant.file).stem().string() + "-";
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(stem) && valid_stamp(entry.path())) candidates.push_back({name, std::nullopt, ""});
  }
  const auto parts = choose_files(candidates, fs::path(quant.file).stem().string(), folder.string());
  std::vector<fs::path> files;
  if (parts) {
    for (const auto& part : *parts) files.push_back(folder / part.path);
  }
  return files;
}

Result<fs::path> resolve_model(std::string_view text, const fs::path& folder) {
  PT_TRY(const Reference reference, parse_reference(text));
  switch (reference.kind) {
    case Reference::Kind::kPath:
      return resolve_path(reference);
    case Reference::Kind::kCatalogue: {
      PT_TRY(const Catalogue catalogue, Catalogue::load());
      PT_TRY(const CatalogueChoice choice, catalogue.find(reference.name, reference.selector));
      const auto files = local_files(choice.quant, folder);
      if (!files.empty()) return files.front();
      break;
    }
    case Reference::Kind::kHuggingFace:
    case Reference::Kind::kModelScope: {
      const fs::path place = folder / hub_of(reference.kind).scheme() / reference.name;
      const auto files = choose_files(pulled_before(place), reference.selector, place.string());
      if (files) return place / files->front().path;
      break;
    }
    case Reference::Kind::kUrl: {
      PT_TRY(fs::path target, url_target(reference, folder));
      const auto stamp = valid_stamp(target);
      if (stamp && (stamp->source == url_identity(reference.name) || stamp->sha256 == reference.sha256))
        return target;
      break;
    }
    case Reference::Kind::kPypi:
      if (const auto file = find_by_source(folder / "pypi" / reference.name, to_string(reference)))
        return *file;
      break;
  }
  return not_pulled(reference);
}

}  // namespace pingti
