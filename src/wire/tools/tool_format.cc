#include "wire/tools/tool_format.h"

#include <fmt/format.h>

#include <algorithm>

#include "wire/tools/call_splitter.h"

namespace pingti::wire {

#define PT_TOOL_FORMAT(name) extern const ToolFormat name;
#include "wire/tools/formats.inc"
#undef PT_TOOL_FORMAT

namespace {

const ToolFormat* const kFormats[] = {
#define PT_TOOL_FORMAT(name) &name,
#include "wire/tools/formats.inc"
#undef PT_TOOL_FORMAT
};

std::string one_call(const CallText& text, std::string_view name, std::string_view arguments) {
  return fmt::format("{}{}{}{}{}", text.before_name, name, text.before_arguments, arguments, text.after);
}

const Json& function_of(const Json& tool) { return tool.at("function"); }

Json choice_of(std::vector<Json> options) {
  if (options.size() == 1) return std::move(options[0]);
  return {{"type", "or"}, {"elements", std::move(options)}};
}

}  // namespace

std::span<const ToolFormat* const> tool_formats() { return kFormats; }

const ToolFormat* find_tool_format(std::string_view name) {
  const auto found = std::ranges::find_if(kFormats, [&](const ToolFormat* f) { return f->name == name; });
  return found == std::end(kFormats) ? nullptr : *found;
}

const ToolFormat& tool_format_of(std::string_view chat_template) {
  for (const ToolFormat* format : kFormats) {
    if (format->spoken_by(chat_template)) return *format;
  }
  return *std::end(kFormats)[-1];
}

std::unique_ptr<OutputSplitter> ToolFormat::splitter(std::vector<std::string> known_names) const {
  return std::make_unique<CallSplitter>(syntax, std::move(known_names));
}

std::vector<std::string_view> ToolFormat::spelled() const {
  std::vector<std::string_view> texts(syntax.markers.begin(), syntax.markers.end());
  texts.insert(texts.end(), syntax.others.begin(), syntax.others.end());
  texts.insert(texts.end(),
               {text.begin, text.before_name, text.before_arguments, text.after, text.separator, text.end});
  return texts;
}

std::string ToolFormat::written(const Json& tool_calls) const {
  std::string out(text.begin);
  for (const Json& call : tool_calls) {
    const Json& function = function_of(call);
    if (&call != &tool_calls.front()) out += text.separator;
    out +=
        one_call(text, function.at("name").get<std::string>(), function.at("arguments").get<std::string>());
  }
  out += text.end;
  return out;
}

std::string ToolFormat::instructions(const Json& tools) const {
  std::string out =
      "# Tools\n\nYou may call one or more of these functions, given as JSON, to help with the user's "
      "request:\n\n";
  for (const Json& tool : tools) out += to_text(function_of(tool)) + "\n";
  out += fmt::format(
      "\nTo call a function, write exactly the following, with its name and a JSON object of its "
      "arguments:\n\n"
      "{0}{1}{2}\n\nYou then get its result. Call a function only where it helps; otherwise answer in words.",
      text.begin, one_call(text, "FUNCTION_NAME", R"({"ARGUMENT_NAME": "VALUE"})"), text.end);
  return out;
}

CallSection call_section(const ToolFormat& format, const Json& tools, bool one) {
  const CallText& text = format.text;
  CallSection section{std::string(text.begin), {}, std::string(text.separator), std::string(text.end), one};
  for (const Json& tool : tools) {
    const Json& function = function_of(tool);
    Json parameters = {{"type", "object"}};
    if (const auto given = function.find("parameters"); given != function.end() && given->is_object())
      parameters = *given;
    section.calls.push_back({fmt::format("{}{}{}", text.before_name, function.at("name").get<std::string>(),
                                         text.before_arguments),
                             std::move(parameters), std::string(text.after)});
  }
  return section;
}

Json structural_tag(const CallSection& section) {
  const auto literal = [](const std::string& text) {
    return Json{{"type", "const_string"}, {"value", text}};
  };
  std::vector<Json> tags;
  for (const CallSection::Call& call : section.calls) {
    tags.push_back({{"type", "tag"},
                    {"begin", call.begin},
                    {"content", {{"type", "json_schema"}, {"json_schema", call.parameters}}},
                    {"end", call.end}});
  }
  Json calls;
  if (section.one_call) {
    calls = choice_of(std::move(tags));
  } else {
    calls = {{"type", "tags_with_separator"},
             {"tags", std::move(tags)},
             {"separator", section.separator},
             {"at_least_one", true}};
  }
  Json elements = Json::array();
  if (!section.begin.empty()) elements.push_back(literal(section.begin));
  elements.push_back(std::move(calls));
  if (!section.end.empty()) elements.push_back(literal(section.end));
  Json format = elements.size() == 1 ? Json(elements[0]) : Json{{"type", "sequence"}, {"elements", elements}};
  return {{"type", "structural_tag"}, {"format", std::move(format)}};
}

}  // namespace pingti::wire
