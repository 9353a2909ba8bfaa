#include "server/chat_input.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <vector>

#include "server/model_output.h"

namespace pingti {
namespace {

using wire::Json;

// A call id as the format wants it: its own where it fits, otherwise one made from it.
std::string fitting_id(const std::string& id, size_t length) {
  const bool plain = std::ranges::all_of(id, [](unsigned char c) { return std::isalnum(c) != 0; });
  if (length == 0 || (plain && id.size() == length)) return id;
  uint64_t hash = 1469598103934665603u;  // FNV-1a
  for (const unsigned char c : id) hash = (hash ^ c) * 1099511628211u;
  static constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::string made;
  for (; made.size() < length; hash /= kDigits.size()) made += kDigits[hash % kDigits.size()];
  return made;
}

// For templates that show one call of a message only: each call in a message of its own, its result behind
// it.
Json with_single_calls(const Json& messages) {
  Json out = Json::array();
  for (size_t i = 0; i < messages.size(); ++i) {
    const Json& message = messages[i];
    if (!message.contains("tool_calls") || message.at("tool_calls").size() < 2) {
      out.push_back(message);
      continue;
    }
    const size_t first_result = i + 1;
    while (i + 1 < messages.size() && messages[i + 1].at("role") == "tool") ++i;
    std::vector<bool> placed(i + 1 - first_result);
    Json single = message;
    for (const Json& call : message.at("tool_calls")) {
      single["tool_calls"] = Json::array({call});
      out.push_back(single);
      single["content"] = "";  // said once
      single.erase("reasoning_content");
      for (size_t r = 0; r < placed.size(); ++r) {
        if (placed[r] || messages[first_result + r].at("tool_call_id") != call.at("id")) continue;
        placed[r] = true;
        out.push_back(messages[first_result + r]);
      }
    }
    for (size_t r = 0; r < placed.size(); ++r) {
      if (!placed[r]) out.push_back(messages[first_result + r]);
    }
  }
  return out;
}

class InputWriter {
 public:
  InputWriter(const ServedModel& model, const wire::ChatRequest& request)
      : request_(request),
        format_(tool_format(model)),
        template_(model.engine->chat_template()),
        support_(template_.tool_support()) {}

  ChatTemplateInput write() {
    const bool single = support_.calls && !support_.parallel_calls;
    const Json separated = single ? with_single_calls(request_.messages) : Json();
    for (const Json& message : single ? separated : request_.messages) add(message);
    add_tools();
    input_.messages = std::move(messages_);
    input_.keep_null_content = support_.null_content;
    return std::move(input_);
  }

 private:
  void add(const Json& message) {
    const std::string role = message.at("role");
    if (role == "tool") {
      add_result(message);
    } else if (message.contains("tool_calls")) {
      add_calls(message);
    } else {
      messages_.push_back(message);
    }
  }

  void add_calls(Json message) {
    Json& calls = message["tool_calls"];
    for (Json& call : calls) {
      names_[call.at("id")] = call.at("function").at("name");
      call["id"] = fitting_id(call.at("id"), format_.id_length);
    }
    if (!support_.calls) {
      std::string content = message.at("content");
      if (!content.empty()) content += '\n';
      message["content"] = content + format_.written(calls);
      message.erase("tool_calls");
      messages_.push_back(std::move(message));
      return;
    }
    if (!support_.arguments_as_text) {
      for (Json& call : calls) {
        Json& arguments = call["function"]["arguments"];
        Json parsed = Json::parse(arguments.get<std::string>(), nullptr, /*allow_exceptions=*/false);
        if (parsed.is_object()) arguments = std::move(parsed);
      }
    }
    if (support_.null_content) {
      // What was said before the calls is a message of its own.
      const std::string content = message.at("content");
      if (!content.empty()) messages_.push_back({{"role", "assistant"}, {"content", content}});
      message["content"] = nullptr;
    }
    messages_.push_back(std::move(message));
  }

  void add_result(Json message) {
    const std::string id = message.at("tool_call_id");
    if (support_.calls && support_.results) {
      if (!message.contains("name") && names_.contains(id)) message["name"] = names_[id];
      message["tool_call_id"] = fitting_id(id, format_.id_length);
      messages_.push_back(std::move(message));
      return;
    }
    const std::string text = std::string(format_.before_result) + message.at("content").get<std::string>() +
                             std::string(format_.after_result);
    const bool joins = after_result_ == messages_.size() && !messages_.empty();
    if (joins) {
      Json& content = messages_.back()["content"];
      content = content.get<std::string>() + "\n" + text;
    } else {
      messages_.push_back({{"role", "user"}, {"content", text}});
    }
    after_result_ = messages_.size();
  }

  void add_tools() {
    if (!request_.tools.offered()) return;
    const Json tools = request_.tools.callable();
    if (template_.supports_tools()) {
      input_.tools = tools;
      return;
    }
    const std::string text = format_.instructions(tools);
    const bool system = !messages_.empty() && messages_[0].at("role") == "system";
    if (system || !template_.supports_system()) {
      // Behind the system's words, or before the user's first.
      const auto target = std::ranges::find_if(
          messages_, [&](const Json& message) { return message.at("role") == (system ? "system" : "user"); });
      if (target != messages_.end()) {
        const std::string content = target->at("content");
        (*target)["content"] = system ? content + "\n\n" + text : text + "\n\n" + content;
        return;
      }
    }
    messages_.insert(messages_.begin(), Json{{"role", "system"}, {"content", text}});
  }

  const wire::ChatRequest& request_;
  const wire::ToolFormat& format_;
  const ChatTemplate& template_;
  const ToolSupport& support_;
  ChatTemplateInput input_;
  Json messages_ = Json::array();
  std::map<std::string, std::string> names_;  // call id -> function
  size_t after_result_ = 0;                   // messages when a result was last added as text
};

}  // namespace

ChatTemplateInput chat_input(const ServedModel& model, const wire::ChatRequest& request) {
  ChatTemplateInput input = InputWriter(model, request).write();
  input.extra = request.template_kwargs.is_object() ? request.template_kwargs : Json::object();
  const wire::ReasoningFields& reasoning = request.reasoning;
  if (reasoning.enabled) {
    for (const char* name : {"enable_thinking", "thinking"}) {
      if (!input.extra.contains(name)) input.extra[name] = *reasoning.enabled;
    }
  }
  if (!reasoning.effort.empty() && !input.extra.contains("reasoning_effort"))
    input.extra["reasoning_effort"] = reasoning.effort;
  return input;
}

std::string closed_thinking(const ServedModel& model, const wire::ChatRequest& request,
                            std::string_view prompt) {
  const auto markers = reasoning_markers(model);
  if (!markers || request.reasoning.enabled.value_or(true)) return {};
  while (prompt.ends_with('\n') || prompt.ends_with(' ')) prompt.remove_suffix(1);
  if (prompt.ends_with(markers->end)) return {};
  if (prompt.ends_with(markers->begin)) return "\n" + markers->end + "\n\n";
  // A template with a switch has used it.
  if (model.engine->chat_template().source().contains("enable_thinking")) return {};
  return markers->begin + "\n\n" + markers->end + "\n\n";
}

}  // namespace pingti
