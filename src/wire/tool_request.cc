#include "wire/tool_request.h"

#include <fmt/format.h>

#include <algorithm>

namespace pingti::wire {
namespace {

// Names go into templates and grammars: OpenAI's rule, and the dots and colons of MCP servers' tools.
bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == ':';
  });
}

bool read_name(FieldReader& fields, std::string* name) {
  const bool there = fields.string("name", name);
  fields.require("name", there);
  if (!there || is_name(*name)) return there;
  fields.fail(invalid_field(
      fields.path("name"), fmt::format("'{}' must be 1 to 128 letters, digits, '_', '-', '.' or ':', not {}.",
                                       fields.path("name"), describe(Json(*name)))));
  return false;
}

// {"type": "function", ...}
void require_function_type(FieldReader& fields) {
  std::string type = "function";
  fields.string("type", &type);
  if (type == "function") return;
  fields.fail(unsupported_field(fields.path("type"),
                                fmt::format("'{}' is {}; this server knows tools of type \"function\" only.",
                                            fields.path("type"), describe(Json(type)))));
}

std::optional<ApiError> check_function(const Json& function, const std::string& path, std::string* name) {
  FieldReader fields(function, path);
  read_name(fields, name);
  std::string description;
  fields.string("description", &description);
  bool strict = false;
  fields.boolean("strict", &strict);
  if (const Json* parameters = fields.take("parameters"); parameters && !parameters->is_object())
    fields.fail_type("parameters", "a JSON Schema object", *parameters);
  return fields.finish();
}

// One tool; its name is the answer's second half.
std::optional<ApiError> check_tool(const Json& tool, const std::string& path, std::string* name) {
  FieldReader fields(tool, path);
  require_function_type(fields);
  const Json* function = fields.take("function");
  fields.require("function", function != nullptr);
  if (function && !fields.error()) {
    if (auto error = check_function(*function, fields.path("function"), name)) fields.fail(std::move(*error));
  }
  return fields.finish();
}

void read_tools(FieldReader& fields, ToolFields* out) {
  const Json* tools = fields.take("tools");
  if (!tools) return;
  if (!tools->is_array()) return fields.fail_type("tools", "an array of tools", *tools);
  if (tools->size() > kMostTools) {
    return fields.fail(
        invalid_field("tools", fmt::format("'tools' takes at most {}, not {}.", kMostTools, tools->size())));
  }
  std::set<std::string> names;
  for (size_t i = 0; i < tools->size(); ++i) {
    const std::string path = fmt::format("tools[{}]", i);
    std::string name;
    if (auto error = check_tool((*tools)[i], path, &name)) return fields.fail(std::move(*error));
    if (names.insert(name).second) continue;
    return fields.fail(
        invalid_field(path + ".function.name", fmt::format("Two tools are called '{}'.", name)));
  }
  out->tools = *tools;
}

bool has_tool(const ToolFields& fields, const std::string& name) {
  return fields.tools.is_array() && std::ranges::any_of(fields.tools, [&](const Json& tool) {
           return tool.at("function").at("name") == name;
         });
}

void read_named_choice(FieldReader& fields, const Json& choice, ToolFields* out) {
  FieldReader inner(choice, "tool_choice");
  require_function_type(inner);
  const Json* function = inner.take("function");
  inner.require("function", function != nullptr);
  if (function) {
    FieldReader named(*function, inner.path("function"));
    read_name(named, &out->name);
    if (auto error = named.finish()) inner.fail(std::move(*error));
  }
  if (auto error = inner.finish()) return fields.fail(std::move(*error));
  out->choice = ToolFields::Choice::kNamed;
  if (has_tool(*out, out->name)) return;
  fields.fail(invalid_field("tool_choice.function.name", fmt::format("'tools' has no '{}'.", out->name)));
}

void read_choice(FieldReader& fields, ToolFields* out) {
  const Json* choice = fields.take("tool_choice");
  if (!choice) return;
  if (choice->is_object()) return read_named_choice(fields, *choice, out);
  if (!choice->is_string()) return fields.fail_type("tool_choice", "a string or an object", *choice);
  const auto& text = choice->get_ref<const std::string&>();
  if (text == "none") {
    out->choice = ToolFields::Choice::kNone;
  } else if (text == "required" || text == "any") {  // Mistral's word
    out->choice = ToolFields::Choice::kRequired;
  } else if (text != "auto") {
    return fields.fail(invalid_field(
        "tool_choice",
        fmt::format("'tool_choice' must be \"none\", \"auto\", \"required\" or name a function, not {}.",
                    describe(*choice))));
  }
  const bool tools = out->tools.is_array() && !out->tools.empty();
  if (out->choice == ToolFields::Choice::kRequired && !tools)
    fields.fail(invalid_field("tool_choice", "'tool_choice' is \"required\", but there are no 'tools'."));
}

// The call as kept, or an error left in `fields`.
Json read_call(FieldReader& fields, const Json& value, const std::string& path) {
  FieldReader call(value, path);
  require_function_type(call);
  std::string id;
  call.require("id", call.string("id", &id));
  call.ignore({"index"});  // of a stream's delta, kept by some clients
  std::string name;
  std::string arguments = "{}";
  const Json* function = call.take("function");
  call.require("function", function != nullptr);
  if (function) {
    FieldReader inner(*function, call.path("function"));
    read_name(inner, &name);
    // As OpenAI has it JSON text, as templates and some clients have it an object.
    if (const Json* given = inner.take("arguments"); given && given->is_object()) {
      arguments = to_text(*given);
    } else if (given && given->is_string()) {
      if (!given->get_ref<const std::string&>().empty()) arguments = given->get<std::string>();
    } else if (given) {
      inner.fail_type("arguments", "JSON text", *given);
    }
    if (auto error = inner.finish()) call.fail(std::move(*error));
  }
  if (auto error = call.finish()) fields.fail(std::move(*error));
  return {{"id", id}, {"type", "function"}, {"function", {{"name", name}, {"arguments", arguments}}}};
}

}  // namespace

Json ToolFields::callable() const {
  if (choice != Choice::kNamed) return tools;
  Json named = Json::array();
  for (const Json& tool : tools) {
    if (tool.at("function").at("name") == name) named.push_back(tool);
  }
  return named;
}

void read_tool_fields(FieldReader& fields, ToolFields* out) {
  read_tools(fields, out);
  if (!fields.error()) read_choice(fields, out);
  fields.boolean("parallel_tool_calls", &out->parallel);
}

Json read_tool_calls(FieldReader& message) {
  const Json* calls = message.take("tool_calls");
  if (!calls || (calls->is_array() && calls->empty())) return nullptr;
  if (!calls->is_array() || calls->size() > kMostCallsOfMessage) {
    message.fail_type("tool_calls", fmt::format("an array of at most {} calls", kMostCallsOfMessage), *calls);
    return nullptr;
  }
  Json kept = Json::array();
  for (size_t i = 0; i < calls->size(); ++i)
    kept.push_back(read_call(message, (*calls)[i], fmt::format("{}[{}]", message.path("tool_calls"), i)));
  return kept;
}

}  // namespace pingti::wire
