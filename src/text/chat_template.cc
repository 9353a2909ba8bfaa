#include "text/chat_template.h"

#include <utility>

namespace pingti {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kReasoningNames[] = {"reasoning_content", "thinking", "reasoning"};

Json without_nulls(const Json& message, bool keep_content) {
  if (!message.is_object()) return message;
  Json kept = Json::object();
  for (const auto& [name, value] : message.items()) {
    if (!value.is_null() || (keep_content && name == "content")) kept[name] = value;
  }
  return kept;
}

// Reasoning under any of its names becomes reasoning_content, and thinking where that is not given.
Json with_reasoning_names(Json message) {
  if (!message.is_object()) return message;
  for (std::string_view name : kReasoningNames) {
    const auto found = message.find(name);
    if (found == message.end()) continue;
    const Json& reasoning = *found;
    Json named = Json::object();
    named["thinking"] = reasoning;
    for (const auto& [key, value] : message.items()) named[key] = value;
    named["reasoning_content"] = reasoning;
    return named;
  }
  return message;
}

Result<Json> normalized(const Json& messages, bool keep_null_content) {
  if (!messages.is_array()) {
    return fail(ErrorKind::kInvalid, "template.variables", "messages must be an array");
  }
  Json result = Json::array();
  for (const Json& message : messages) {
    if (!message.is_object()) {
      return fail(ErrorKind::kInvalid, "template.variables", "every message must be an object");
    }
    result.push_back(with_reasoning_names(without_nulls(message, keep_null_content)));
  }
  return result;
}

Json message(std::string_view role, std::string_view content) {
  return Json{{"role", role}, {"content", content}};
}

// A conversation in which a tool is called (`calls` times at once), answers, and is spoken of.
Json tool_conversation(const ToolSupport& form, int calls) {
  Json arguments{{"pingti_argument", "pingti_value"}};
  if (form.arguments_as_text) arguments = arguments.dump();
  const Json content = form.null_content ? Json(nullptr) : Json("");
  Json assistant{{"role", "assistant"}, {"content", content}, {"tool_calls", Json::array()}};
  Json messages = Json::array({message("user", "hi")});
  Json results = Json::array();
  for (int i = 0; i < calls; ++i) {
    const std::string id = "probe000" + std::to_string(i);  // nine letters and digits, as Mistral wants them
    const std::string name = "pingti_function" + std::to_string(i);
    assistant["tool_calls"].push_back(
        {{"id", id}, {"type", "function"}, {"function", {{"name", name}, {"arguments", arguments}}}});
    Json result = message("tool", "pingti_result" + std::to_string(i));
    result["tool_call_id"] = id;
    result["name"] = name;
    results.push_back(std::move(result));
  }
  messages.push_back(std::move(assistant));
  for (Json& result : results) messages.push_back(std::move(result));
  messages.push_back(message("assistant", "done"));
  messages.push_back(message("user", "thanks"));
  return messages;
}

}  // namespace

std::string_view ChatTemplate::fallback() {
  return "{% for message in messages %}"
         "{{ '<|im_start|>' ~ message['role'] ~ '\\n' ~ (message['content'] or '') ~ '<|im_end|>\\n' }}"
         "{% endfor %}"
         "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
}

bool ChatTemplate::ends_inside_thinking(std::string_view prompt) {
  const size_t open = prompt.rfind("<think>");
  if (open == std::string_view::npos) return false;
  const size_t close = prompt.rfind("</think>");
  return close == std::string_view::npos || close < open;
}

Result<ChatTemplate> ChatTemplate::create(std::string source, std::string bos_token, std::string eos_token) {
  PT_TRY(jinja::Template parsed, jinja::Template::parse(source));
  ChatTemplate created(std::move(source), std::move(parsed), std::move(bos_token), std::move(eos_token));
  created.probe();
  return created;
}

ChatTemplate::ChatTemplate(std::string source, jinja::Template parsed, std::string bos_token,
                           std::string eos_token)
    : source_(std::move(source)),
      template_(std::move(parsed)),
      bos_token_(std::move(bos_token)),
      eos_token_(std::move(eos_token)) {}

Result<std::string> ChatTemplate::render(const ChatTemplateInput& input) const {
  Json variables = Json::object();
  variables["bos_token"] = bos_token_;
  variables["eos_token"] = eos_token_;
  variables["documents"] = nullptr;
  if (input.extra.is_object()) {
    for (const auto& [name, value] : input.extra.items()) variables[name] = value;
  } else if (!input.extra.is_null()) {
    return fail(ErrorKind::kInvalid, "template.variables", "extra template variables must be an object");
  }
  PT_TRY(variables["messages"], normalized(input.messages, input.keep_null_content));
  variables["tools"] = input.tools;
  variables["add_generation_prompt"] = input.add_generation_prompt;
  return template_.render(variables, {input.now});
}

void ChatTemplate::probe() {
  static constexpr std::string_view kMark = "pingti_probe";
  ChatTemplateInput input;
  input.messages = Json::array({message("system", kMark), message("user", "hi")});
  const auto system = render(input);
  supports_system_ = system && system->find(kMark) != std::string::npos;

  tool_support_ = probe_tool_calls();
  input.messages = Json::array({message("user", "hi")});
  for (const Json& extra : {Json(), Json{{"enable_thinking", true}}}) {
    input.extra = extra;
    const auto prompt = render(input);
    opens_thinking_ = opens_thinking_ || (prompt && ends_inside_thinking(*prompt));
  }
  input.extra = Json();

  Json function{{"name", kMark}, {"description", "probe"}};
  function["parameters"] =
      Json{{"type", "object"}, {"properties", Json::object()}, {"required", Json::array()}};
  input.tools = Json::array({Json{{"type", "function"}, {"function", function}}});
  const auto tools = render(input);
  supports_tools_ = tools && tools->find(kMark) != std::string::npos;

  for (std::string_view sign : {"<think>", "</think>", "reasoning_content", "enable_thinking"}) {
    mentions_thinking_ = mentions_thinking_ || source_.find(sign) != std::string::npos;
  }
}

// Forms are tried in turn until a call's name and arguments reach the prompt, as JSON and not as Python
// prints them.
ToolSupport ChatTemplate::probe_tool_calls() const {
  for (const ToolSupport form :
       {ToolSupport{}, ToolSupport{.arguments_as_text = true}, ToolSupport{.null_content = true},
        ToolSupport{.arguments_as_text = true, .null_content = true}}) {
    ChatTemplateInput input{.messages = tool_conversation(form, 1), .keep_null_content = form.null_content};
    auto prompt = render(input);
    if (!prompt || !prompt->contains("pingti_function0") || !prompt->contains("pingti_argument") ||
        prompt->contains("'pingti_argument'") || prompt->contains("\\\"pingti_argument"))
      continue;
    ToolSupport found = form;
    found.calls = true;
    found.results = prompt->contains("pingti_result0");
    input.messages = tool_conversation(form, 2);
    prompt = render(input);
    found.parallel_calls =
        prompt && prompt->contains("pingti_function1") && prompt->contains("pingti_result1");
    return found;
  }
  return {};
}

}  // namespace pingti
