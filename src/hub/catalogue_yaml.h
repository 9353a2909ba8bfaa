// Typed reading of a YAML document whose errors name file, line, key, the value found and the one wanted.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pingti {

class YamlReader {
 public:
  explicit YamlReader(std::string file) : file_(std::move(file)) {}

  Result<YAML::Node> parse(const std::string& text) const;
  // Refuses a node that is no map, or that has a key outside `keys`.
  Result<void> expect_map(const YAML::Node& node, std::string_view what,
                          std::initializer_list<std::string_view> keys) const;
  Result<std::string> text(const YAML::Node& map, const char* key) const;  // absent: empty
  Result<std::optional<uint64_t>> number(const YAML::Node& map, const char* key, std::string_view unit) const;
  Result<std::vector<std::string>> texts(const YAML::Node& map,
                                         const char* key) const;  // a scalar is a list of one
  Result<std::vector<YAML::Node>> nodes(const YAML::Node& map, const char* key) const;
  std::unexpected<Error> error(const YAML::Node& node, std::string_view key, std::string_view found,
                               std::string_view wanted) const;

 private:
  std::string file_;
};

}  // namespace pingti
