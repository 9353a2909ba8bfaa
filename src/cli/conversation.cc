#include "cli/conversation.h"

#include <fmt/format.h>

#include "base/file.h"

namespace pingti {
namespace {

constexpr size_t kMaxFileBytes = size_t{64} << 20;

nlohmann::ordered_json message(std::string_view role, std::string text) {
  return {{"role", role}, {"content", std::move(text)}};
}

Result<void> wrong(const std::filesystem::path& path, std::string_view what) {
  return fail(ErrorKind::kInvalid, "chat.file",
              fmt::format("{} is not a saved conversation: {}", path.string(), what),
              "expected is {\"messages\": [{\"role\": ..., \"content\": ...}, ...]}");
}

}  // namespace

void Conversation::add_user(std::string text) { turns_.push_back(message("user", std::move(text))); }
void Conversation::add_assistant(std::string text) {
  turns_.push_back(message("assistant", std::move(text)));
}

bool Conversation::drop_last(std::string_view role) {
  if (turns_.empty() || turns_.back()["role"] != role) return false;
  turns_.erase(turns_.size() - 1);
  return true;
}

nlohmann::ordered_json Conversation::messages() const {
  auto all = nlohmann::ordered_json::array();
  if (!system_.empty()) all.push_back(message("system", system_));
  for (const auto& turn : turns_) all.push_back(turn);
  return all;
}

Result<void> Conversation::save(const std::filesystem::path& path) const {
  const nlohmann::ordered_json file = {{"messages", messages()}};
  using nlohmann::ordered_json;
  return write_file_atomically(path, file.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n");
}

Result<void> Conversation::load(const std::filesystem::path& path) {
  PT_TRY(const std::string text, read_file(path, kMaxFileBytes));
  const auto file = nlohmann::ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!file.is_object() || !file.contains("messages") || !file["messages"].is_array())
    return wrong(path, "there is no list of messages");
  Conversation loaded;
  for (const auto& entry : file["messages"]) {
    const auto text_of = [&entry](const char* key) {
      return entry.is_object() && entry.contains(key) && entry[key].is_string()
                 ? entry[key].get<std::string>()
                 : std::string();
    };
    const std::string role = text_of("role");
    if (role == "system" && loaded.empty() && loaded.system_.empty()) {
      loaded.system_ = text_of("content");
    } else if (role == (loaded.size() % 2 == 0 ? "user" : "assistant")) {
      loaded.turns_.push_back(message(role, text_of("content")));
    } else {
      return wrong(path, fmt::format("message {} has role \"{}\"", loaded.size() + 1, role));
    }
  }
  *this = std::move(loaded);
  return {};
}

}  // namespace pingti
