#include "wire/messages_request.h"

#include <fmt/format.h>

#include "wire/request_schemas.h"

namespace pingti::wire {
namespace {

constexpr size_t kMostFunctions = 256;

void refuse_block(FieldReader& block, const std::string& type) {
  block.fail(unsupported_field(block.path("type"),
                               fmt::format("'{}' is {}; this server does not read blocks of this type here.",
                                           block.path("type"), describe(Json(type)))));
}

Json text_part(std::string text) { return {{"type", "text"}, {"text", std::move(text)}}; }

// A string or blocks, of which `read` takes the ones it knows and refuses the others.
template <class Read>
void read_blocks(FieldReader& fields, std::string_view name, bool needed, const Read& read) {
  const Json* content = fields.take(name);
  if (!content) {
    if (needed) fields.require(name, false);
    return;
  }
  if (content->is_string()) {
    const Json block = text_part(content->get<std::string>());
    FieldReader reader(block, fields.path(name));
    read(reader, "text");
    return;
  }
  if (!content->is_array()) return fields.fail_type(name, "a string or an array of blocks", *content);
  for (size_t i = 0; i < content->size(); ++i) {
    FieldReader block((*content)[i], fmt::format("{}[{}]", fields.path(name), i));
    std::string type;
    block.require("type", block.string("type", &type));
    block.ignore({"cache_control", "citations", "type"});
    if (!block.error()) read(block, type);
    if (auto error = block.finish()) return fields.fail(std::move(*error));
  }
}

std::string read_text(FieldReader& block) {
  std::string text;
  block.require("text", block.string("text", &text));
  return text;
}

// Text blocks only, as OpenAI's text parts.
Json read_text_blocks(FieldReader& fields, std::string_view name, bool needed) {
  Json parts = Json::array();
  read_blocks(fields, name, needed, [&](FieldReader& block, std::string_view type) {
    if (type != "text") return refuse_block(block, std::string(type));
    parts.push_back(text_part(read_text(block)));
  });
  return parts;
}

// One message of the user: results of tools become messages of their own, in their places.
void read_user(FieldReader& fields, Json* messages) {
  const size_t before = messages->size();
  Json parts = Json::array();
  const auto flush = [&] {
    if (!parts.empty())
      messages->push_back({{"role", "user"}, {"content", std::exchange(parts, Json::array())}});
  };
  read_blocks(fields, "content", true, [&](FieldReader& block, std::string_view type) {
    if (type == "text") {
      parts.push_back(text_part(read_text(block)));
    } else if (type == "tool_result") {
      flush();
      std::string id;
      block.require("tool_use_id", block.string("tool_use_id", &id));
      block.ignore({"is_error"});  // the result's text says so
      messages->push_back(
          {{"role", "tool"}, {"tool_call_id", id}, {"content", read_text_blocks(block, "content", false)}});
      if (messages->back()["content"].empty()) messages->back()["content"] = "";
    } else {
      refuse_block(block, std::string(type));
    }
  });
  flush();
  if (messages->size() == before) messages->push_back({{"role", "user"}, {"content", ""}});
}

void read_assistant(FieldReader& fields, Json* messages) {
  Json parts = Json::array();
  Json calls = Json::array();
  std::string thinking;
  read_blocks(fields, "content", true, [&](FieldReader& block, std::string_view type) {
    if (type == "text") {
      parts.push_back(text_part(read_text(block)));
    } else if (type == "thinking") {
      std::string text;
      block.require("thinking", block.string("thinking", &text));
      block.ignore({"signature"});
      thinking += text;
    } else if (type == "tool_use") {
      std::string id;
      std::string name;
      block.require("id", block.string("id", &id));
      block.require("name", block.string("name", &name));
      const Json* input = block.take("input");
      if (input && !input->is_object()) block.fail_type("input", "an object", *input);
      calls.push_back({{"id", id},
                       {"type", "function"},
                       {"function", {{"name", name}, {"arguments", input ? to_text(*input) : "{}"}}}});
    } else {
      refuse_block(block, std::string(type));
    }
  });
  Json message = {{"role", "assistant"}, {"content", parts.empty() ? Json("") : std::move(parts)}};
  if (!thinking.empty()) message["reasoning_content"] = std::move(thinking);
  if (!calls.empty()) message["tool_calls"] = std::move(calls);
  messages->push_back(std::move(message));
}

void read_messages(FieldReader& fields, Json* out) {
  const Json* messages = fields.take("messages");
  if (!messages) return fields.require("messages", false);
  if (!messages->is_array()) return fields.fail_type("messages", "an array of messages", *messages);
  if (messages->empty())
    return fields.fail(invalid_field("messages", "'messages' must hold at least one message."));
  for (size_t i = 0; i < messages->size(); ++i) {
    FieldReader message((*messages)[i], fmt::format("messages[{}]", i));
    std::string role;
    message.require("role", message.string("role", &role));
    if (role == "user") {
      read_user(message, out);
    } else if (role == "assistant") {
      read_assistant(message, out);
    } else {
      message.fail(
          invalid_field(message.path("role"), fmt::format("'{}' must be \"user\" or \"assistant\", not {}.",
                                                          message.path("role"), describe(Json(role)))));
    }
    if (auto error = message.finish()) return fields.fail(std::move(*error));
  }
}

void read_tools(FieldReader& fields, Json* chat) {
  const Json* tools = fields.take("tools");
  if (!tools || (tools->is_array() && tools->empty())) return;
  if (!tools->is_array() || tools->size() > kMostFunctions)
    return fields.fail_type("tools", fmt::format("an array of at most {} tools", kMostFunctions), *tools);
  Json out = Json::array();
  for (size_t i = 0; i < tools->size(); ++i) {
    FieldReader tool((*tools)[i], fmt::format("tools[{}]", i));
    std::string type = "custom";
    std::string name;
    std::string description;
    tool.string("type", &type);
    if (type != "custom") refuse_block(tool, type);
    tool.require("name", tool.string("name", &name));
    Json function = {{"name", name}};
    if (tool.string("description", &description)) function["description"] = description;
    const Json* schema = tool.take("input_schema");
    tool.require("input_schema", schema != nullptr);
    if (schema && !schema->is_object()) tool.fail_type("input_schema", "a JSON Schema object", *schema);
    if (schema) function["parameters"] = *schema;
    bool strict = false;
    if (tool.boolean("strict", &strict)) function["strict"] = strict;
    tool.ignore({"cache_control"});
    if (auto error = tool.finish()) return fields.fail(std::move(*error));
    out.push_back({{"type", "function"}, {"function", std::move(function)}});
  }
  (*chat)["tools"] = std::move(out);
}

void read_tool_choice(FieldReader& fields, Json* chat) {
  const Json* value = fields.take("tool_choice");
  if (!value) return;
  FieldReader choice(*value, "tool_choice");
  std::string type;
  std::string name;
  bool single = false;
  choice.require("type", choice.string("type", &type));
  if (type == "tool") {
    choice.require("name", choice.string("name", &name));
    (*chat)["tool_choice"] = {{"type", "function"}, {"function", {{"name", name}}}};
  } else if (type == "auto" || type == "none") {
    (*chat)["tool_choice"] = type;
  } else if (type == "any") {
    (*chat)["tool_choice"] = "required";
  } else {
    choice.fail(
        invalid_field(choice.path("type"),
                      fmt::format("'tool_choice.type' must be \"auto\", \"any\", \"tool\" or \"none\", "
                                  "not {}.",
                                  describe(Json(type)))));
  }
  if (choice.boolean("disable_parallel_tool_use", &single)) (*chat)["parallel_tool_calls"] = !single;
  if (auto error = choice.finish()) fields.fail(std::move(*error));
}

// A chat takes it in the same words.
void read_thinking(FieldReader& fields, Json* chat) {
  const Json* value = fields.take("thinking");
  if (!value) return;
  FieldReader thinking(*value, "thinking");
  std::string type;
  int64_t budget = -1;
  thinking.require("type", thinking.string("type", &type));
  thinking.integer("budget_tokens", &budget, 1, INT64_MAX);
  thinking.ignore({"display"});
  if (type != "enabled" && type != "adaptive" && type != "disabled") {
    thinking.fail(invalid_field(
        "thinking.type",
        fmt::format("'thinking.type' must be \"enabled\", \"disabled\" or \"adaptive\", not {}.",
                    describe(Json(type)))));
  }
  if (auto error = thinking.finish()) return fields.fail(std::move(*error));
  (*chat)["thinking"] = *value;
}

void read_output_config(FieldReader& fields, Json* chat) {
  const Json* value = fields.take("output_config");
  if (!value) return;
  FieldReader config(*value, "output_config");
  if (const Json* format = config.take("format")) {
    FieldReader inner(*format, "output_config.format");
    std::string type;
    inner.string("type", &type);
    const Json* schema = inner.take("schema");
    if (type != "json_schema" || !schema) {
      inner.fail(invalid_field("output_config.format",
                               "'output_config.format' must have the type \"json_schema\" and a schema."));
    } else {
      (*chat)["response_format"] = {
          {"type", "json_schema"},
          {"json_schema", {{"name", "output"}, {"schema", *schema}, {"strict", true}}}};
    }
    if (auto error = inner.finish()) config.fail(std::move(*error));
  }
  std::string effort;
  if (config.string("effort", &effort)) (*chat)["reasoning_effort"] = effort;
  if (auto error = config.finish()) fields.fail(std::move(*error));
}

// Fields that mean the same in both APIs, ours included.
void pass_on(FieldReader& fields, Json* chat) {
  for (const char* name : {"model", "stream", "max_tokens", "temperature", "top_p", "top_k", "min_p", "seed",
                           "repetition_penalty", "presence_penalty", "frequency_penalty"}) {
    if (const Json* value = fields.take(name)) (*chat)[name] = *value;
  }
  if (const Json* stops = fields.take("stop_sequences")) {
    if (!stops->is_array()) return fields.fail_type("stop_sequences", "an array of strings", *stops);
    std::vector<std::string> texts;
    fields.strings("stop_sequences", &texts, kMostStopStrings);
    if (!texts.empty()) (*chat)["stop"] = texts;
  }
  if (const Json* metadata = fields.take("metadata"); metadata && !metadata->is_object())
    fields.fail_type("metadata", "an object", *metadata);
  fields.ignore({"service_tier", "cache_control"});
}

}  // namespace

ApiResult<ChatRequest> parse_messages_request(std::string_view body, bool count_only) {
  auto json = parse_json(body);
  if (!json) return std::unexpected(from_error(json.error()));
  FieldReader fields(*json, "");
  Json chat = Json::object();
  Json messages = Json::array();
  pass_on(fields, &chat);
  if (!count_only) fields.require("max_tokens", chat.contains("max_tokens"));
  const Json system = read_text_blocks(fields, "system", false);
  if (!system.empty()) messages.push_back({{"role", "system"}, {"content", system}});
  read_messages(fields, &messages);
  read_tools(fields, &chat);
  read_tool_choice(fields, &chat);
  read_thinking(fields, &chat);
  read_output_config(fields, &chat);
  if (auto error = fields.finish()) return std::unexpected(std::move(*error));

  std::string continuation;
  if (const Json& last = messages.back(); last["role"] == "assistant" && !last.contains("tool_calls") &&
                                          !last.contains("reasoning_content") && messages.size() > 1) {
    if (last["content"].is_array()) {
      for (const Json& part : last["content"]) continuation += part["text"].get<std::string>();
    }
    messages.erase(messages.size() - 1);
  }
  chat["messages"] = std::move(messages);
  auto request = parse_chat_request(to_text(chat));
  if (!request) {
    std::string& param = request.error().param;
    if (param == "stop") param = "stop_sequences";
    if (const size_t member = param.find(".function."); member != std::string::npos) param.erase(member, 9);
    return request;
  }
  request->continuation = std::move(continuation);
  return request;
}

Json messages_request_schema(bool count_only) {
  using namespace schema;
  const Json text_block = object({{"type", one_of({"text"})}, {"text", string()}}, {"type", "text"});
  const Json text_content = any_of({string(), array(text_block, 0, 64)});
  const Json thinking_block =
      object({{"type", one_of({"thinking"})}, {"thinking", string()}, {"signature", string()}},
             {"type", "thinking"});
  const Json use_block =
      object({{"type", one_of({"tool_use"})}, {"id", string()}, {"name", string()}, {"input", free_object()}},
             {"type", "id", "name"});
  const Json result_block = object({{"type", one_of({"tool_result"})},
                                    {"tool_use_id", string()},
                                    {"content", text_content},
                                    {"is_error", boolean()}},
                                   {"type", "tool_use_id"});
  const Json user =
      object({{"role", one_of({"user"})},
              {"content", any_of({string(), array(any_of({text_block, result_block}), 0, 64)})}},
             {"role", "content"});
  const Json assistant =
      object({{"role", one_of({"assistant"})},
              {"content", any_of({string(), array(any_of({text_block, thinking_block, use_block}), 0, 64)})}},
             {"role", "content"});
  const Json tool = object({{"name", text()},
                            {"type", one_of({"custom"})},
                            {"description", string()},
                            {"input_schema", free_object()},
                            {"strict", boolean()}},
                           {"name", "input_schema"});
  const Json choice = object({{"type", one_of({"auto", "any", "tool", "none"})},
                              {"name", string()},
                              {"disable_parallel_tool_use", boolean()}},
                             {"type"});
  const Json thinking = object(
      {{"type", one_of({"enabled", "disabled", "adaptive"})}, {"budget_tokens", integer(1, INT64_MAX)}},
      {"type"});
  Members members = {{"messages", array(any_of({user, assistant}), 1, 1 << 16)},
                     {"model", string()},
                     {"max_tokens", integer(1, INT64_MAX)},
                     {"system", text_content},
                     {"stop_sequences", array(text(), 0, kMostStopStrings)},
                     {"stream", boolean()},
                     {"temperature", number(0, 100)},
                     {"top_p", number(0, 1)},
                     {"top_k", integer(-1, INT32_MAX)},
                     {"min_p", number(0, 1)},
                     {"seed", integer(INT64_MIN, INT64_MAX)},
                     {"repetition_penalty", number(0.001, 1000)},
                     {"presence_penalty", number(-2, 2)},
                     {"frequency_penalty", number(-2, 2)},
                     {"tools", array(tool, 0, kMostFunctions)},
                     {"tool_choice", choice},
                     {"thinking", thinking},
                     {"output_config", object({{"format", free_object()}, {"effort", string()}})},
                     {"metadata", free_object()}};
  if (count_only) return object(std::move(members), {"messages"});
  return object(std::move(members), {"messages", "max_tokens"});
}

}  // namespace pingti::wire
