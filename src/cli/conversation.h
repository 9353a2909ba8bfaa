// The messages of a chat in the terminal: an optional system text, then user and assistant in turn.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"

namespace pingti {

class Conversation {
 public:
  void set_system(std::string text) { system_ = std::move(text); }
  const std::string& system() const { return system_; }

  void add_user(std::string text);
  void add_assistant(std::string text);
  // Takes the last message away if it is of that role.
  bool drop_last(std::string_view role);
  void clear() { turns_ = nlohmann::ordered_json::array(); }  // the system text stays
  bool empty() const { return turns_.empty(); }
  size_t size() const { return turns_.size(); }

  // OpenAI-shaped messages.
  nlohmann::ordered_json messages() const;

  // A JSON object {"messages": [...]}. load() changes nothing when it fails ("chat.file").
  Result<void> save(const std::filesystem::path& path) const;
  Result<void> load(const std::filesystem::path& path);

 private:
  std::string system_;
  nlohmann::ordered_json turns_ = nlohmann::ordered_json::array();
};

}  // namespace pingti
