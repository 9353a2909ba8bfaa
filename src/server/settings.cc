#include "server/settings.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "base/check.h"
#include "base/file.h"

namespace pingti {
namespace {

using Values = std::vector<std::string>;

Values split(const std::string& text) {
  Values parts;
  size_t start = 0;
  while (start <= text.size()) {
    size_t comma = std::min(text.find(',', start), text.size());
    if (comma > start) parts.push_back(text.substr(start, comma - start));
    start = comma + 1;
  }
  return parts;
}

// What the file gives a setting: values, or a table.
struct FileValue {
  Values values;
  SettingTable table;
};

// Empty where it is neither a value nor a list of values.
std::optional<Values> read_values(const YAML::Node& node) {
  if (node.IsScalar()) return Values{node.Scalar()};
  if (!node.IsSequence()) return std::nullopt;
  Values values;
  for (const auto& item : node) {
    if (!item.IsScalar()) return std::nullopt;
    values.push_back(item.Scalar());
  }
  return values;
}

std::optional<SettingTable> read_table(const YAML::Node& node) {
  if (!node.IsSequence()) return std::nullopt;
  SettingTable table;
  for (const auto& row : node) {
    if (!row.IsMap()) return std::nullopt;
    auto& values = table.emplace_back();
    for (const auto& item : row) {
      if (item.second.IsNull()) continue;
      auto value = read_values(item.second);
      if (!value) return std::nullopt;
      values[item.first.as<std::string>()] = *std::move(value);
    }
  }
  return table;
}

Result<std::map<std::string, FileValue>> read_yaml(const std::filesystem::path& path) {
  std::map<std::string, FileValue> found;
  if (path.empty()) return found;
  PT_TRY(std::string text, read_file(path, 1 << 20));
  auto malformed = [&](const std::string& what) {
    return fail(ErrorKind::kInvalid, "settings.file", fmt::format("{}: {}", path.string(), what),
                "the file is YAML: one 'name: value' a line, with the names of the flags");
  };
  try {
    YAML::Node root = YAML::Load(text);
    if (root.IsNull()) return found;
    if (!root.IsMap()) return malformed("not a mapping of settings");
    for (const auto& item : root) {
      auto name = item.first.as<std::string>();
      if (item.second.IsNull()) continue;
      if (auto values = read_values(item.second)) {
        found[name] = {.values = *std::move(values), .table = {}};
      } else if (auto table = read_table(item.second)) {
        found[name] = {.values = {}, .table = *std::move(table)};
      } else {
        return malformed(
            fmt::format("'{}' must be a value, a list of values or a list of mappings of values", name));
      }
    }
  } catch (const YAML::Exception& error) {
    return malformed(error.what());
  }
  return found;
}

template <class T>
std::optional<T> number(const std::string& text, const Setting& setting) {
  char* end = nullptr;
  double value = std::strtod(text.c_str(), &end);
  bool whole = std::is_floating_point_v<T> || value == std::floor(value);
  if (text.empty() || *end != '\0' || !std::isfinite(value) || !whole) return std::nullopt;
  if (value < setting.min || value > setting.max) return std::nullopt;
  return static_cast<T>(value);
}

std::optional<bool> boolean(const std::string& text) {
  if (text == "true" || text == "1" || text == "yes" || text == "on") return true;
  if (text == "false" || text == "0" || text == "no" || text == "off") return false;
  return std::nullopt;
}

}  // namespace

std::string environment_name(const std::string& setting) {
  std::string name = "PINGTI_" + setting;
  for (char& c : name) c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

Settings::Settings(std::vector<Setting> settings) : settings_(std::move(settings)) {
  for (const Setting& setting : settings_) sources_[setting.name] = "default";
}

Result<void> Settings::resolve(const std::map<std::string, Values>& flags,
                               const std::function<const char*(const char*)>& getenv,
                               const std::filesystem::path& file) {
  PT_TRY(auto from_file, read_yaml(file));
  for (const auto& [name, values] : from_file) {
    if (std::ranges::none_of(settings_, [&](const Setting& setting) { return setting.name == name; })) {
      return fail(ErrorKind::kInvalid, "settings.unknown",
                  fmt::format("{}: there is no setting '{}'", file.string(), name), "--help lists them all");
    }
  }
  for (const Setting& setting : settings_) {
    std::string variable = environment_name(setting.name);
    bool many = std::holds_alternative<Values*>(setting.target);
    bool file_only = std::holds_alternative<SettingTable*>(setting.target);
    if (auto flag = flags.find(setting.name); flag != flags.end()) {
      PT_TRY_VOID(assign(setting, flag->second, "--" + setting.name));
    } else if (const char* value = file_only ? nullptr : getenv(variable.c_str()); value && *value) {
      PT_TRY_VOID(assign(setting, many ? split(value) : Values{value}, variable));
    } else if (auto item = from_file.find(setting.name); item != from_file.end()) {
      auto* table = std::get_if<SettingTable*>(&setting.target);
      const FileValue& value = item->second;
      if ((table == nullptr && !value.table.empty()) || (table != nullptr && !value.values.empty())) {
        return fail(ErrorKind::kInvalid, "settings.value",
                    fmt::format("{}: '{}' must be {}", file.string(), setting.name,
                                table ? "a list of mappings" : "a value or a list of values"));
      }
      if (table != nullptr) {
        **table = value.table;
        sources_[setting.name] = file.string();
      } else {
        PT_TRY_VOID(assign(setting, value.values, file.string()));
      }
    }
  }
  return {};
}

Result<void> Settings::apply(const std::map<std::string, Values>& values, const std::string& source) {
  for (const auto& [name, given] : values) {
    const auto setting = std::ranges::find(settings_, name, &Setting::name);
    if (setting == settings_.end()) {
      std::vector<std::string> names;
      for (const Setting& known : settings_) names.push_back(known.name);
      return fail(ErrorKind::kInvalid, "settings.unknown",
                  fmt::format("{}: there is no setting '{}'", source, name),
                  fmt::format("there are {}", fmt::join(names, ", ")));
    }
    PT_TRY_VOID(assign(*setting, given, source));
  }
  return {};
}

Result<void> Settings::assign(const Setting& setting, const Values& values, const std::string& source) {
  sources_[setting.name] = source;
  if (auto* list = std::get_if<Values*>(&setting.target)) {
    **list = values;
    return {};
  }
  auto refused = [&](const std::string& wanted) {
    std::string shown = setting.secret ? "a secret" : fmt::format("\"{}\"", fmt::join(values, ", "));
    return fail(ErrorKind::kInvalid, "settings.value",
                fmt::format("{}: '{}' must be {}, not {}", source, setting.name, wanted, shown));
  };
  if (values.size() != 1) return refused("one value");
  const std::string& text = values[0];
  if (auto* target = std::get_if<std::string*>(&setting.target)) {
    **target = text;
    return {};
  }
  if (auto* target = std::get_if<bool*>(&setting.target)) {
    auto value = boolean(text);
    if (!value) return refused("true or false");
    **target = *value;
    return {};
  }
  auto set_number = [&](auto* target, const char* kind) -> Result<void> {
    auto value = number<std::remove_pointer_t<decltype(target)>>(text, setting);
    if (!value) return refused(fmt::format("{} from {} to {}", kind, setting.min, setting.max));
    *target = *value;
    return {};
  };
  if (auto* target = std::get_if<double*>(&setting.target)) return set_number(*target, "a number");
  PT_CHECK(!std::holds_alternative<SettingTable*>(setting.target));
  if (auto* target = std::get_if<int*>(&setting.target)) return set_number(*target, "a whole number");
  if (auto* target = std::get_if<int64_t*>(&setting.target)) return set_number(*target, "a whole number");
  return set_number(std::get<uint16_t*>(setting.target), "a whole number");
}

std::string shown_value(const Setting& setting) {
  std::string value = std::visit(
      [](auto* target) -> std::string {
        if constexpr (std::is_same_v<decltype(target), Values*>) {
          return fmt::format("[{}]", fmt::join(*target, ", "));
        } else if constexpr (std::is_same_v<decltype(target), SettingTable*>) {
          Values rows;
          for (const auto& row : *target) {
            Values items;
            for (const auto& [name, values] : row) {
              items.push_back(values.size() == 1 ? fmt::format("{}: {}", name, values[0])
                                                 : fmt::format("{}: [{}]", name, fmt::join(values, ", ")));
            }
            rows.push_back(fmt::format("{{{}}}", fmt::join(items, ", ")));
          }
          return fmt::format("[{}]", fmt::join(rows, ", "));
        } else {
          return fmt::format("{}", *target);
        }
      },
      setting.target);
  if (value.empty()) return "\"\"";
  return setting.secret && value != "[]" ? "***" : value;
}

std::string Settings::describe() const {
  std::string text;
  for (const Setting& setting : settings_) {
    text += fmt::format("{}: {}  # {}\n", setting.name, shown_value(setting), sources_.at(setting.name));
  }
  return text;
}

}  // namespace pingti
