#include "wire/chat_request.h"

#include <fmt/format.h>

namespace pingti::wire {
namespace {

// A string, or text parts joined by line breaks.
bool read_content(FieldReader& fields, std::string* out) {
  const Json* content = fields.take("content");
  if (!content) return false;
  if (content->is_string()) {
    *out = content->get<std::string>();
    return true;
  }
  if (!content->is_array())
    return fields.fail_type("content", "a string or an array of text parts", *content), true;
  for (size_t i = 0; i < content->size(); ++i) {
    FieldReader part((*content)[i], fmt::format("{}[{}]", fields.path("content"), i));
    std::string type;
    std::string text;
    bool typed = part.string("type", &type);
    if (typed && type != "text") {
      fields.fail(unsupported_field(part.path("type"),
                                    fmt::format("'{}' is {}; this server reads parts of type \"text\" only.",
                                                part.path("type"), describe(Json(type)))));
      return true;
    }
    bool has_text = part.string("text", &text);
    if (auto error = part.finish()) return fields.fail(std::move(*error)), true;
    if (!typed || !has_text) {
      const char* missing = typed ? "text" : "type";
      fields.fail(invalid_field(part.path(missing), fmt::format("'{}' is missing.", part.path(missing))));
      return true;
    }
    if (i > 0) *out += '\n';
    *out += text;
  }
  return true;
}

ApiResult<Json> read_message(const Json& value, size_t index) {
  FieldReader fields(value, fmt::format("messages[{}]", index));
  std::string role;
  std::string content;
  std::string text;
  fields.require("role", fields.string("role", &role));
  if (role == "function") {
    fields.fail(unsupported_field(
        fields.path("role"),
        fmt::format("'{}' is \"function\"; results of tools have the role \"tool\".", fields.path("role"))));
  } else if (role == "developer") {
    role = "system";
  } else if (role != "system" && role != "user" && role != "assistant" && role != "tool") {
    fields.fail(invalid_field(
        fields.path("role"),
        fmt::format("'{}' must be \"system\", \"developer\", \"user\", \"assistant\" or \"tool\", not {}.",
                    fields.path("role"), describe(Json(role)))));
  }
  Json calls;
  if (role == "assistant") {
    calls = read_tool_calls(fields);
  } else {
    fields.refuse("tool_calls", {Json::array()});
  }
  fields.refuse("function_call");
  fields.refuse("audio");
  fields.require("content", read_content(fields, &content) || !calls.is_null());
  Json message = {{"role", role}, {"content", content}};
  if (fields.string("name", &text)) message["name"] = text;
  for (const char* name : {"reasoning", "reasoning_content"}) {  // one thing; the latter wins
    if (fields.string(name, &text)) message["reasoning_content"] = text;
  }
  if (!calls.is_null()) message["tool_calls"] = std::move(calls);
  if (fields.string("tool_call_id", &text)) {
    message["tool_call_id"] = text;
  } else if (role == "tool") {
    fields.require("tool_call_id", false);
  }
  // What clients copy from our answers.
  fields.ignore({"refusal", "annotations"});
  if (auto error = fields.finish()) return std::unexpected(std::move(*error));
  return message;
}

void read_messages(FieldReader& fields, Json* out) {
  const Json* messages = fields.take("messages");
  if (!messages) return fields.fail(invalid_field("messages", "'messages' is missing."));
  if (!messages->is_array()) return fields.fail_type("messages", "an array of messages", *messages);
  if (messages->empty())
    return fields.fail(invalid_field("messages", "'messages' must hold at least one message."));
  *out = Json::array();
  for (size_t i = 0; i < messages->size(); ++i) {
    auto message = read_message((*messages)[i], i);
    if (!message) return fields.fail(std::move(message.error()));
    out->push_back(std::move(*message));
  }
}

void read_limits_and_logprobs(FieldReader& fields, ChatRequest* out) {
  fields.integer("max_tokens", &out->max_tokens, 1, INT64_MAX);
  fields.integer("max_completion_tokens", &out->max_tokens, 1, INT64_MAX);  // the newer name wins
  bool logprobs = false;
  int64_t top = 0;
  fields.boolean("logprobs", &logprobs);
  bool top_given = fields.integer("top_logprobs", &top, 0, kMostTopLogprobs);
  if (top_given && top > 0 && !logprobs) {
    fields.fail(invalid_field("top_logprobs", "'top_logprobs' needs 'logprobs': true."));
  }
  if (logprobs) out->top_logprobs = static_cast<int>(top);
}

// Free-form variables of the template, but for those that the request itself sets.
void read_template_kwargs(FieldReader& fields, Json* out) {
  const Json* kwargs = fields.take("chat_template_kwargs");
  if (!kwargs) return;
  if (!kwargs->is_object()) return fields.fail_type("chat_template_kwargs", "an object", *kwargs);
  for (const char* name : {"add_generation_prompt", "messages", "tools"}) {
    if (!kwargs->contains(name)) continue;
    const std::string path = fmt::format("chat_template_kwargs.{}", name);
    return fields.fail(unsupported_field(
        path, fmt::format("'{}' is not supported: the server sets this variable itself.", path)));
  }
  *out = *kwargs;
}

}  // namespace

ApiResult<ChatRequest> parse_chat_request(std::string_view body) {
  auto json = parse_json(body);
  if (!json) return std::unexpected(from_error(json.error()));
  ChatRequest request;
  FieldReader fields(*json, "");
  read_common(fields, &request.common);
  read_messages(fields, &request.messages);
  read_limits_and_logprobs(fields, &request);
  read_template_kwargs(fields, &request.template_kwargs);
  read_tool_fields(fields, &request.tools);
  read_reasoning_fields(fields, request.template_kwargs, &request.reasoning);
  fields.refuse("functions", {Json::array()});
  fields.refuse("function_call", {"none", "auto"});
  fields.refuse("modalities", {Json::array({"text"})});
  for (const char* name : {"audio", "verbosity", "web_search_options"}) fields.refuse(name);
  fields.ignore({"prediction"});
  if (auto error = fields.finish()) return std::unexpected(std::move(*error));
  return request;
}

}  // namespace pingti::wire
