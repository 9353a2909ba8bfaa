// json.dumps of Python's standard library, and JSON turned into Values.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "jinja/value.h"

namespace pingti::jinja {

struct JsonStyle {
  bool ascii = false;                 // ensure_ascii
  std::optional<std::string> indent;  // one level of it; absent: everything on one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
};

std::string to_json(const Value& value, const JsonStyle& style, const Maker& make);
Value from_json(const nlohmann::ordered_json& json, const Maker& make);

}  // namespace pingti::jinja
