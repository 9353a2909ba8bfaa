#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/print.h"
#include "hub/pull.h"
#include "hub/text.h"

namespace pingti {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

struct Arguments {
  std::string folder;
  bool json = false;
  bool local = false;
};

struct Row {
  std::string name, parameters, quant, size, license, languages, path;
};

uint64_t total_size(const std::vector<fs::path>& files) {
  uint64_t total = 0;
  for (const auto& file : files) {
    std::error_code gone;
    const auto size = fs::file_size(file, gone);
    if (!gone) total += size;
  }
  return total;
}

// Verified files in the folder that no catalogue entry owns: by the source they came from.
std::vector<std::pair<fs::path, Stamp>> other_files(const fs::path& folder, const std::set<fs::path>& owned) {
  std::vector<std::pair<fs::path, Stamp>> found;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (owned.contains(it->path())) continue;
    if (auto stamp = valid_stamp(it->path())) found.emplace_back(it->path(), std::move(*stamp));
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return found;
}

// A row for the default quant and one for every quant that is here.
std::vector<Row> rows_of(const ModelEntry& entry, const fs::path& folder, bool local_only,
                         std::set<fs::path>& owned) {
  std::vector<Row> rows;
  for (const auto& quant : entry.quants) {
    const auto files = local_files(quant, folder);
    owned.insert(files.begin(), files.end());
    const bool is_default = &quant == &entry.quants.front();
    if (files.empty() && (local_only || !is_default)) continue;
    const uint64_t size = files.empty() ? quant.size.value_or(0) : total_size(files);
    rows.push_back({entry.name, entry.parameters, quant.quant, size == 0 ? "?" : human_bytes(size),
                    entry.license, fmt::format("{}", fmt::join(entry.languages, ",")),
                    files.empty() ? "-" : files.front().string()});
  }
  return rows;
}

void print_table(const std::vector<Row>& rows) {
  std::string Row::* const columns[] = {&Row::name,    &Row::parameters, &Row::quant, &Row::size,
                                        &Row::license, &Row::languages,  &Row::path};
  for (size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    for (const auto column : columns) {
      size_t width = 0;
      for (const auto& row : rows) width = std::max(width, (row.*column).size());
      line += column == &Row::path ? rows[r].*column : fmt::format("{:<{}}  ", rows[r].*column, width);
    }
    fmt::print("{}\n", line);
  }
}

Json json_of(const ModelEntry& entry, const fs::path& folder, std::set<fs::path>& owned) {
  Json quants = Json::array();
  for (const auto& quant : entry.quants) {
    const auto files = local_files(quant, folder);
    owned.insert(files.begin(), files.end());
    quants.push_back({{"quant", quant.quant},
                      {"file", quant.file},
                      {"size_bytes", quant.size ? Json(*quant.size) : Json()},
                      {"sha256", quant.sha256.empty() ? Json() : Json(quant.sha256)},
                      {"path", files.empty() ? Json() : Json(files.front().string())}});
  }
  return {{"name", entry.name},
          {"aliases", entry.aliases},
          {"title", entry.title},
          {"license", entry.license},
          {"parameters", entry.parameters},
          {"languages", entry.languages},
          {"context", entry.context ? Json(*entry.context) : Json()},
          {"quants", quants}};
}

bool is_here(const Json& entry) {
  return std::any_of(entry["quants"].begin(), entry["quants"].end(),
                     [](const Json& q) { return !q["path"].is_null(); });
}

void print_json(const Catalogue& catalogue, const fs::path& folder, bool local_only) {
  Json models = Json::array();
  Json others = Json::array();
  std::set<fs::path> owned;
  for (const auto& entry : catalogue.entries()) {
    Json json = json_of(entry, folder, owned);
    if (!local_only || is_here(json)) models.push_back(std::move(json));
  }
  for (const auto& [path, stamp] : other_files(folder, owned)) {
    others.push_back({{"source", stamp.source},
                      {"path", path.string()},
                      {"size_bytes", stamp.size},
                      {"sha256", stamp.sha256}});
  }
  const Json all = {{"folder", folder.string()}, {"models", models}, {"other_files", others}};
  fmt::print("{}\n", all.dump(2, ' ', false, Json::error_handler_t::replace));
}

void print_text(const Catalogue& catalogue, const fs::path& folder, bool local_only) {
  std::vector<Row> rows = {{"NAME", "PARAMETERS", "QUANT", "SIZE", "LICENCE", "LANGUAGES", "HERE"}};
  std::set<fs::path> owned;
  for (const auto& entry : catalogue.entries()) {
    for (auto& row : rows_of(entry, folder, local_only, owned)) rows.push_back(std::move(row));
  }
  for (const auto& [path, stamp] : other_files(folder, owned)) {
    rows.push_back({stamp.source, "?", "?", human_bytes(stamp.size), "?", "?", path.string()});
  }
  print_table(rows);
  fmt::print("\nModels folder: {}\n", folder.string());
  if (!local_only)
    fmt::print(
        "Fetch one with: pingti pull NAME[:QUANT]. The licence is between you and the model's author.\n");
}

int list_models(const Arguments& arguments) {
  const auto catalogue = Catalogue::load();
  if (!catalogue) return print_error(catalogue.error());
  const fs::path folder = arguments.folder.empty() ? default_models_folder() : fs::path(arguments.folder);
  if (arguments.json) {
    print_json(*catalogue, folder, arguments.local);
  } else {
    print_text(*catalogue, folder, arguments.local);
  }
  return kExitOk;
}

void attach(CLI::App& app, int* exit_code) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("--dir", arguments->folder, "models folder (default: PINGTI_MODELS)");
  app.add_flag("--local", arguments->local, "only models that are on this machine");
  app.add_flag("--json", arguments->json, "one JSON object");
  app.callback([arguments, exit_code] { *exit_code = list_models(*arguments); });
}

}  // namespace

extern const Command kModelsCommand;
const Command kModelsCommand{"models", "list the catalogue and what is on this machine", attach};

}  // namespace pingti
