#include "hub/catalogue_yaml.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

namespace pingti {
namespace {

std::string describe(const YAML::Node& node) {
  if (node.IsScalar()) return "'" + node.Scalar().substr(0, 80) + "'";
  if (node.IsSequence()) return "a list";
  if (node.IsMap()) return "a map";
  return "nothing";
}

}  // namespace

Result<YAML::Node> YamlReader::parse(const std::string& text) const {
  try {
    return YAML::Load(text);
  } catch (const YAML::Exception& exception) {
    return fail(
        ErrorKind::kInvalid, "hub.catalogue",
        fmt::format("{}:{}: not readable as YAML: {}", file_, exception.mark.line + 1, exception.msg));
  }
}

std::unexpected<Error> YamlReader::error(const YAML::Node& node, std::string_view key, std::string_view found,
                                         std::string_view wanted) const {
  return fail(ErrorKind::kInvalid, "hub.catalogue",
              fmt::format("{}:{}: '{}' is {}, wanted {}", file_, node.Mark().line + 1, key, found, wanted));
}

Result<void> YamlReader::expect_map(const YAML::Node& node, std::string_view what,
                                    std::initializer_list<std::string_view> keys) const {
  if (!node.IsMap()) return error(node, what, describe(node), "a map");
  std::vector<std::string> seen;
  for (const auto& pair : node) {
    if (!pair.first.IsScalar())
      return error(pair.first, what, "a map with a key that is no text", "text keys");
    const std::string& key = pair.first.Scalar();
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      return error(pair.first, key, "an unknown key", fmt::format("one of {}", fmt::join(keys, ", ")));
    }
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) {
      return error(pair.first, key, "given twice", "one value");
    }
    seen.push_back(key);
  }
  return {};
}

Result<std::string> YamlReader::text(const YAML::Node& map, const char* key) const {
  const YAML::Node node = map[key];
  if (!node) return std::string();
  if (!node.IsScalar() || node.Scalar().empty()) return error(node, key, describe(node), "text");
  return node.Scalar();
}

Result<std::optional<uint64_t>> YamlReader::number(const YAML::Node& map, const char* key,
                                                   std::string_view unit) const {
  const YAML::Node node = map[key];
  if (!node) return std::optional<uint64_t>{};
  const std::string value = node.IsScalar() ? node.Scalar() : "";
  uint64_t parsed = 0;
  const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), parsed);
  if (code != std::errc{} || end != value.data() + value.size() || parsed == 0) {
    return error(node, key, describe(node), fmt::format("a whole number of {} above 0", unit));
  }
  return std::optional(parsed);
}

Result<std::vector<std::string>> YamlReader::texts(const YAML::Node& map, const char* key) const {
  PT_TRY(const auto items, nodes(map, key));
  std::vector<std::string> result;
  for (const auto& item : items) {
    if (!item.IsScalar() || item.Scalar().empty()) return error(item, key, describe(item), "text");
    result.push_back(item.Scalar());
  }
  return result;
}

Result<std::vector<YAML::Node>> YamlReader::nodes(const YAML::Node& map, const char* key) const {
  std::vector<YAML::Node> result;
  const YAML::Node node = map[key];
  if (!node) return result;
  if (node.IsScalar()) {
    result.push_back(node);
    return result;
  }
  if (!node.IsSequence()) return error(node, key, describe(node), "a list");
  for (const auto& item : node) result.push_back(item);
  return result;
}

}  // namespace pingti
