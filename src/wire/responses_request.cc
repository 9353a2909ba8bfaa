#include "wire/responses_request.h"

#include <fmt/format.h>

#include <algorithm>

#include "wire/request_schemas.h"

namespace pingti::wire {
namespace {

constexpr size_t kMostFunctions = 256;
constexpr size_t kMostMetadata = 16;

void refuse_type(FieldReader& fields, const std::string& type) {
  fields.fail(unsupported_field(fields.path("type"),
                                fmt::format("'{}' is {}; this server does not read this type here.",
                                            fields.path("type"), describe(Json(type)))));
}

// A string or parts with text of the given types, as parts of the type `as`.
Json read_parts(FieldReader& fields, std::string_view name, std::initializer_list<std::string_view> types,
                const char* as) {
  Json parts = Json::array();
  const Json* value = fields.take(name);
  if (!value) return fields.require(name, false), parts;
  if (value->is_string()) {
    parts.push_back({{"type", as}, {"text", *value}});
    return parts;
  }
  if (!value->is_array()) return fields.fail_type(name, "a string or an array of parts", *value), parts;
  for (size_t i = 0; i < value->size(); ++i) {
    FieldReader part((*value)[i], fmt::format("{}[{}]", fields.path(name), i));
    std::string type;
    std::string text;
    part.require("type", part.string("type", &type));
    if (!part.error() && std::ranges::find(types, type) == types.end()) refuse_type(part, type);
    part.require("text", part.string("text", &text));
    part.ignore({"annotations", "logprobs"});
    if (auto error = part.finish()) return fields.fail(std::move(*error)), parts;
    parts.push_back({{"type", as}, {"text", std::move(text)}});
  }
  return parts;
}

Json read_message_item(FieldReader& item) {
  std::string role;
  item.require("role", item.string("role", &role));
  const bool answer = role == "assistant";
  if (!item.error() && !answer && role != "user" && role != "system" && role != "developer") {
    item.fail(
        invalid_field(item.path("role"), fmt::format("'{}' must be \"user\", \"assistant\", \"system\" or "
                                                     "\"developer\", not {}.",
                                                     item.path("role"), describe(Json(role)))));
  }
  const char* type = answer ? "output_text" : "input_text";
  return {{"type", "message"},
          {"role", role},
          {"content", read_parts(item, "content", {"input_text", "output_text", "text"}, type)}};
}

Json read_reasoning_item(FieldReader& item) {
  Json content = Json::array();
  if (item.take("content")) content = read_parts(item, "content", {"reasoning_text"}, "reasoning_text");
  item.ignore({"summary", "encrypted_content"});  // neither is what the model said
  return {{"type", "reasoning"}, {"summary", Json::array()}, {"content", std::move(content)}};
}

Json read_item(FieldReader& item) {
  std::string type = "message";
  item.string("type", &type);
  item.ignore({"id", "status", "phase"});
  std::string call_id;
  std::string name;
  std::string arguments;
  if (type == "message") return read_message_item(item);
  if (type == "reasoning") return read_reasoning_item(item);
  if (type == "function_call") {
    item.require("call_id", item.string("call_id", &call_id));
    item.require("name", item.string("name", &name));
    item.require("arguments", item.string("arguments", &arguments));
    return {{"type", type}, {"call_id", call_id}, {"name", name}, {"arguments", arguments}};
  }
  if (type == "function_call_output") {
    item.require("call_id", item.string("call_id", &call_id));
    const Json parts = read_parts(item, "output", {"input_text", "output_text"}, "input_text");
    std::string output;
    for (const Json& part : parts) output += part["text"].get<std::string>();
    return {{"type", type}, {"call_id", call_id}, {"output", output}};
  }
  refuse_type(item, type);
  return {};
}

void read_input(FieldReader& fields, Json* items) {
  *items = Json::array();
  const Json* input = fields.take("input");
  if (!input) return fields.require("input", false);
  if (input->is_string()) {
    items->push_back({{"type", "message"},
                      {"role", "user"},
                      {"content", Json::array({Json{{"type", "input_text"}, {"text", *input}}})}});
    return;
  }
  if (!input->is_array()) return fields.fail_type("input", "a string or an array of items", *input);
  if (input->empty()) return fields.fail(invalid_field("input", "'input' must hold at least one item."));
  for (size_t i = 0; i < input->size(); ++i) {
    FieldReader item((*input)[i], fmt::format("input[{}]", i));
    Json full = read_item(item);
    if (auto error = item.finish()) return fields.fail(std::move(*error));
    items->push_back(std::move(full));
  }
}

// The function's own members stand beside the type here, and under "function" in a chat.
void read_tools(FieldReader& fields, ResponsesRequest* out) {
  out->echo["tools"] = Json::array();
  const Json* tools = fields.take("tools");
  if (!tools) return;
  if (!tools->is_array() || tools->size() > kMostFunctions)
    return fields.fail_type("tools", fmt::format("an array of at most {} tools", kMostFunctions), *tools);
  Json functions = Json::array();
  for (size_t i = 0; i < tools->size(); ++i) {
    FieldReader tool((*tools)[i], fmt::format("tools[{}]", i));
    std::string type;
    std::string name;
    std::string description;
    bool strict = false;
    tool.require("type", tool.string("type", &type));
    if (!tool.error() && type != "function") refuse_type(tool, type);
    tool.require("name", tool.string("name", &name));
    Json function = {{"name", name}};
    if (tool.string("description", &description)) function["description"] = description;
    const Json* parameters = tool.take("parameters");
    if (parameters && !parameters->is_object())
      tool.fail_type("parameters", "a JSON Schema object", *parameters);
    if (parameters) function["parameters"] = *parameters;
    if (tool.boolean("strict", &strict)) function["strict"] = strict;
    if (auto error = tool.finish()) return fields.fail(std::move(*error));
    functions.push_back({{"type", "function"}, {"function", std::move(function)}});
  }
  out->echo["tools"] = *tools;
  if (!functions.empty()) out->chat["tools"] = std::move(functions);
}

void read_tool_choice(FieldReader& fields, ResponsesRequest* out) {
  out->echo["tool_choice"] = "auto";
  const Json* choice = fields.take("tool_choice");
  if (!choice) return;
  out->echo["tool_choice"] = *choice;
  if (choice->is_string()) {
    out->chat["tool_choice"] = *choice;
    return;
  }
  FieldReader reader(*choice, "tool_choice");
  std::string type;
  std::string name;
  reader.require("type", reader.string("type", &type));
  if (!reader.error() && type != "function") refuse_type(reader, type);
  reader.require("name", reader.string("name", &name));
  out->chat["tool_choice"] = {{"type", "function"}, {"function", {{"name", name}}}};
  if (auto error = reader.finish()) fields.fail(std::move(*error));
}

void read_text_format(FieldReader& fields, ResponsesRequest* out) {
  out->echo["text"] = {{"format", {{"type", "text"}}}};
  const Json* text = fields.take("text");
  if (!text) return;
  FieldReader reader(*text, "text");
  std::string verbosity;
  if (reader.string("verbosity", &verbosity)) out->chat["verbosity"] = verbosity;
  if (const Json* format = reader.take("format")) {
    FieldReader inner(*format, "text.format");
    std::string type;
    inner.require("type", inner.string("type", &type));
    if (type == "json_schema") {
      Json schema = Json::object();
      for (const char* name : {"name", "schema", "strict", "description"}) {
        if (const Json* value = inner.take(name)) schema[name] = *value;
      }
      out->chat["response_format"] = {{"type", type}, {"json_schema", std::move(schema)}};
    } else {
      out->chat["response_format"] = {{"type", type}};
    }
    if (auto error = inner.finish()) reader.fail(std::move(*error));
    out->echo["text"]["format"] = *format;
  }
  if (auto error = reader.finish()) fields.fail(std::move(*error));
}

void read_reasoning(FieldReader& fields, ResponsesRequest* out) {
  out->echo["reasoning"] = {{"effort", nullptr}, {"summary", nullptr}};
  const Json* reasoning = fields.take("reasoning");
  if (!reasoning) return;
  FieldReader reader(*reasoning, "reasoning");
  std::string effort;
  if (reader.string("effort", &effort)) {
    out->chat["reasoning_effort"] = effort;
    out->echo["reasoning"]["effort"] = effort;
  }
  reader.refuse("summary", {"auto", "none"});  // reasoning is shown as it is
  reader.refuse("generate_summary", {"auto", "none"});
  if (auto error = reader.finish()) fields.fail(std::move(*error));
}

void read_metadata(FieldReader& fields, ResponsesRequest* out) {
  out->echo["metadata"] = Json::object();
  const Json* metadata = fields.take("metadata");
  if (!metadata) return;
  const bool fits = metadata->is_object() && metadata->size() <= kMostMetadata &&
                    std::ranges::all_of(*metadata, [](const Json& value) { return value.is_string(); });
  if (!fits)
    return fields.fail_type("metadata", fmt::format("an object of at most {} strings", kMostMetadata),
                            *metadata);
  out->echo["metadata"] = *metadata;
}

void read_include(FieldReader& fields, ResponsesRequest* out) {
  std::vector<std::string> wanted;
  if (!fields.strings("include", &wanted, 16)) return;
  for (const std::string& what : wanted) {
    if (what == "message.output_text.logprobs") {
      out->logprobs = true;
    } else if (what !=
               "reasoning.encrypted_content") {  // nothing is hidden here: the items hold the reasoning
      fields.fail(unsupported_field(
          "include", fmt::format("'include' of {} is not supported by this server.", describe(Json(what)))));
    }
  }
}

// Members that a chat request has too, ours included: checked there.
void pass_on(FieldReader& fields, ResponsesRequest* out) {
  for (const char* name : {"model", "stream", "temperature", "top_p", "top_k", "min_p", "seed", "stop",
                           "repetition_penalty", "presence_penalty", "frequency_penalty", "logit_bias",
                           "chat_template_kwargs", "thinking_token_budget"}) {
    if (const Json* value = fields.take(name)) out->chat[name] = *value;
  }
  if (const Json* most = fields.take("max_output_tokens")) out->chat["max_completion_tokens"] = *most;
  for (const char* name : {"temperature", "top_p", "max_output_tokens"}) {
    const Json* value = fields.take(name);
    out->echo[name] = value                                           ? *value
                      : std::string_view(name) == "max_output_tokens" ? Json(nullptr)
                                                                      : Json(1.0);
  }
}

}  // namespace

ApiResult<ResponsesRequest> parse_responses_request(std::string_view body) {
  auto json = parse_json(body);
  if (!json) return std::unexpected(from_error(json.error()));
  ResponsesRequest request;
  request.echo = Json::object();
  request.chat = Json::object();
  FieldReader fields(*json, "");
  std::string instructions;
  request.echo["instructions"] = nullptr;
  if (fields.string("instructions", &instructions)) request.echo["instructions"] = instructions;
  read_input(fields, &request.items);
  pass_on(fields, &request);
  read_tools(fields, &request);
  read_tool_choice(fields, &request);
  read_text_format(fields, &request);
  read_reasoning(fields, &request);
  read_metadata(fields, &request);
  read_include(fields, &request);
  bool parallel = true;
  if (fields.boolean("parallel_tool_calls", &parallel)) request.chat["parallel_tool_calls"] = parallel;
  request.echo["parallel_tool_calls"] = parallel;
  int64_t top = 0;
  fields.integer("top_logprobs", &top, 0, kMostTopLogprobs);
  request.echo["top_logprobs"] = top;
  if (request.logprobs || top > 0) {
    request.chat["logprobs"] = true;
    request.chat["top_logprobs"] = top;
  }
  fields.string("previous_response_id", &request.previous_response_id);
  fields.boolean("store", &request.store);
  fields.boolean("stream", &request.stream);
  if (const Json* options = fields.take("stream_options")) {
    FieldReader inner(*options, "stream_options");
    inner.ignore({"include_obfuscation"});
    if (auto error = inner.finish()) fields.fail(std::move(*error));
  }
  fields.refuse("background", {false});
  fields.refuse("truncation", {"disabled"});
  for (const char* name : {"conversation", "prompt", "max_tool_calls", "context_management"})
    fields.refuse(name);
  fields.ignore({"user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "service_tier"});
  if (auto error = fields.finish()) return std::unexpected(std::move(*error));
  return request;
}

namespace {

// The assistant's message that an item adds to: the last one, unless it has been answered.
Json& assistant_turn(Json* messages) {
  if (messages->empty() || messages->back()["role"] != "assistant")
    messages->push_back({{"role", "assistant"}, {"content", ""}});
  return messages->back();
}

std::string joined_text(const Json& parts) {
  std::string text;
  for (const Json& part : parts) text += (text.empty() ? "" : "\n") + part["text"].get<std::string>();
  return text;
}

void add_item(const Json& item, Json* messages) {
  const std::string& type = item["type"].get_ref<const std::string&>();
  if (type == "function_call_output") {
    messages->push_back({{"role", "tool"}, {"tool_call_id", item["call_id"]}, {"content", item["output"]}});
  } else if (type == "function_call") {
    Json& turn = assistant_turn(messages);
    if (!turn.contains("tool_calls")) turn["tool_calls"] = Json::array();
    turn["tool_calls"].push_back({{"id", item["call_id"]},
                                  {"type", "function"},
                                  {"function", {{"name", item["name"]}, {"arguments", item["arguments"]}}}});
  } else if (type == "reasoning") {
    const std::string text = joined_text(item["content"]);
    if (!text.empty())
      messages->push_back({{"role", "assistant"}, {"content", ""}, {"reasoning_content", text}});
  } else if (item["role"] == "assistant") {
    // An answer follows its own reasoning.
    const bool reasoned = !messages->empty() && messages->back()["role"] == "assistant" &&
                          messages->back()["content"] == "" && !messages->back().contains("tool_calls");
    if (!reasoned) messages->push_back({{"role", "assistant"}});
    messages->back()["content"] = joined_text(item["content"]);
  } else {
    messages->push_back({{"role", item["role"]}, {"content", joined_text(item["content"])}});
  }
}

}  // namespace

ApiResult<ChatRequest> responses_chat(const ResponsesRequest& request, const Json& items) {
  Json messages = Json::array();
  if (request.echo["instructions"].is_string())
    messages.push_back({{"role", "system"}, {"content", request.echo["instructions"]}});
  for (const Json& item : items) add_item(item, &messages);
  Json chat = request.chat;
  chat["messages"] = std::move(messages);
  auto parsed = parse_chat_request(to_text(chat));
  if (!parsed) {
    std::string& param = parsed.error().param;
    if (param == "max_completion_tokens") param = "max_output_tokens";
    if (param == "reasoning_effort") param = "reasoning.effort";
    if (param.starts_with("response_format")) param = "text.format";
    if (const size_t member = param.find(".function."); member != std::string::npos) param.erase(member, 9);
  }
  return parsed;
}

Json responses_request_schema() {
  using namespace schema;
  const Json part =
      object({{"type", one_of({"input_text", "output_text", "text"})}, {"text", string()}}, {"type", "text"});
  const Json message = object({{"type", one_of({"message"})},
                               {"role", one_of({"user", "assistant", "system", "developer"})},
                               {"content", any_of({string(), array(part, 0, 64)})},
                               {"id", string()},
                               {"status", string()}},
                              {"role", "content"});
  const Json call = object({{"type", one_of({"function_call"})},
                            {"call_id", string()},
                            {"name", string()},
                            {"arguments", string()},
                            {"id", string()},
                            {"status", string()}},
                           {"type", "call_id", "name", "arguments"});
  const Json output = object({{"type", one_of({"function_call_output"})},
                              {"call_id", string()},
                              {"output", string()},
                              {"id", string()},
                              {"status", string()}},
                             {"type", "call_id", "output"});
  const Json thought = object({{"type", one_of({"reasoning_text"})}, {"text", string()}}, {"type", "text"});
  const Json reasoning = object({{"type", one_of({"reasoning"})},
                                 {"content", array(thought, 0, 64)},
                                 {"id", string()},
                                 {"status", string()}},
                                {"type"});
  const Json tool = object({{"type", one_of({"function"})},
                            {"name", text()},
                            {"description", string()},
                            {"parameters", free_object()},
                            {"strict", boolean()}},
                           {"type", "name"});
  const Json named = object({{"type", one_of({"function"})}, {"name", string()}}, {"type", "name"});
  const Json format = object({{"type", one_of({"text", "json_object", "json_schema"})},
                              {"name", string()},
                              {"schema", free_object()},
                              {"strict", boolean()},
                              {"description", string()}},
                             {"type"});
  return object(
      joined(
          {{"input", any_of({string(), array(any_of({message, call, output, reasoning}), 1, 1 << 16)})},
           {"model", string()},
           {"instructions", string()},
           {"stream", boolean()},
           {"stop", any_of({text(), array(text(), 0, kMostStopStrings)})},
           {"max_output_tokens", integer(1, INT64_MAX)},
           {"previous_response_id", string()},
           {"store", boolean()},
           {"tools", array(tool, 0, kMostFunctions)},
           {"tool_choice", any_of({one_of({"auto", "none", "required"}), named})},
           {"parallel_tool_calls", boolean()},
           {"text", object({{"format", format}, {"verbosity", string()}})},
           {"reasoning", object({{"effort", string()}, {"summary", one_of({"auto", "none"})}})},
           {"metadata",
            {{"type", "object"}, {"maxProperties", kMostMetadata}, {"additionalProperties", string()}}},
           {"include", array(one_of({"message.output_text.logprobs", "reasoning.encrypted_content"}), 0, 16)},
           {"top_logprobs", integer(0, kMostTopLogprobs)},
           {"truncation", one_of({"disabled"})}},
          {{"temperature", number(0, 100)},
           {"top_p", number(0, 1)},
           {"top_k", integer(-1, INT32_MAX)},
           {"min_p", number(0, 1)},
           {"seed", integer(INT64_MIN, INT64_MAX)},
           {"repetition_penalty", number(0.001, 1000)},
           {"presence_penalty", number(-2, 2)},
           {"frequency_penalty", number(-2, 2)}}),
      {"input"});
}

}  // namespace pingti::wire
