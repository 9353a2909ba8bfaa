// Settings from four places: flag > environment > file > default; and a listing of where each came from.
//
// All values travel as text until one place turns them into numbers, so that errors name the source. A
// setting that takes several values joins them by commas in the environment and takes a list in the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"

namespace pingti {

// A list of mappings, as the file alone can hold it: each a set of names and their values.
using SettingTable = std::vector<std::map<std::string, std::vector<std::string>>>;

struct Setting {
  using Target = std::variant<std::string*, std::vector<std::string>*, int*, int64_t*, uint16_t*, double*,
                              bool*, SettingTable*>;
  std::string
      name;  // "max-queue": the flag is --max-queue, the variable PINGTI_MAX_QUEUE, the file's key max-queue
  Target target;  // holds the default
  std::string help;
  double min = 0;  // numbers only
  double max = 1e18;
  bool secret = false;  // not shown
};

class Settings {
 public:
  explicit Settings(std::vector<Setting> settings);

  const std::vector<Setting>& all() const { return settings_; }

  // Values given by flags: name -> values. A flag without a value counts as "true".
  // getenv: how to read the environment. file: YAML, or empty for none.
  // Errors: "settings.file", "settings.unknown" and "settings.value", naming place, value and what is wanted.
  Result<void> resolve(const std::map<std::string, std::vector<std::string>>& flags,
                       const std::function<const char*(const char*)>& getenv,
                       const std::filesystem::path& file);

  // Values of one place: name -> values, source as errors and describe() name it. "settings.unknown" for a
  // name that is no setting.
  Result<void> apply(const std::map<std::string, std::vector<std::string>>& values,
                     const std::string& source);

  // One line each: "port: 8080  # default", secrets masked.
  std::string describe() const;

 private:
  Result<void> assign(const Setting& setting, const std::vector<std::string>& values,
                      const std::string& source);
  std::vector<Setting> settings_;
  std::map<std::string, std::string> sources_;
};

// What the setting's target holds, lists as "[a, b]"; "***" for secrets.
std::string shown_value(const Setting& setting);

// "max-queue" -> "PINGTI_MAX_QUEUE"
std::string environment_name(const std::string& setting);

}  // namespace pingti
