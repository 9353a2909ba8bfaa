#include "hub/hub.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace pingti {

const Hub& hub_of(Reference::Kind kind) {
  return kind == Reference::Kind::kModelScope ? model_scope() : hugging_face();
}

std::string endpoint_from(const char* variable, const char* fallback) {
  const char* value = std::getenv(variable);
  std::string endpoint = value != nullptr && *value != '\0' ? value : fallback;
  while (endpoint.ends_with('/')) endpoint.pop_back();
  return endpoint;
}

std::string token_from(const char* variable) {
  const char* value = std::getenv(variable);
  std::string token = value == nullptr ? "" : value;
  const auto is_space = [](unsigned char c) { return std::isspace(c) != 0; };
  token.erase(std::find_if_not(token.rbegin(), token.rend(), is_space).base(), token.end());
  token.erase(token.begin(), std::find_if_not(token.begin(), token.end(), is_space));
  const bool clean =
      std::all_of(token.begin(), token.end(), [](unsigned char c) { return c > 0x20 && c < 0x7f; });
  return clean ? token : "";
}

std::string encode_path(std::string_view path) {
  std::string encoded;
  for (const unsigned char c : path) {
    const bool plain = std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_' || c == '~' || c == '/';
    if (plain) {
      encoded += static_cast<char>(c);
    } else {
      encoded += fmt::format("%{:02X}", c);
    }
  }
  return encoded;
}

}  // namespace pingti
