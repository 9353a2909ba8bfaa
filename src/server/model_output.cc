#include "server/model_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "server/reply.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace pingti {
namespace {

const wire::ReasoningMarkers kMarkers[] = {
    {"<think>", "</think>"}, {"<seed:think>", "</seed:think>"}, {"[THINK]", "[/THINK]"}};

// What its authors recommend and their API uses.
constexpr float kR1Temperature = 0.6f;
constexpr float kR1TopP = 0.95f;

// Tokens to think with, for templates that know no efforts; "high" and more have no limit of their own.
int64_t budget_of(std::string_view effort) {
  if (effort == "minimal") return 512;
  if (effort == "low") return 1024;
  if (effort == "medium") return 8192;
  return -1;
}

bool ends_with(const Tokenizer& tokenizer, std::span<const int32_t> prompt, const std::string& marker) {
  std::string tail =
      tokenizer.decode(prompt.last(std::min<size_t>(prompt.size(), 32)), /*skip_special=*/false);
  while (tail.ends_with('\n') || tail.ends_with(' ')) tail.pop_back();
  return tail.ends_with(marker);
}

// Control tokens that this text holds: their spelling must not be lost in the answer.
void show(const Tokenizer& tokenizer, std::string_view text, std::vector<int32_t>* tokens) {
  for (const int32_t id :
       tokenizer.encode(std::string(text), {.add_special = false, .parse_special = true})) {
    if (tokenizer.is_control(id) && !tokenizer.is_end_of_generation(id)) tokens->push_back(id);
  }
}

Thinking thinking_part(const ServedModel& model, const wire::ChatRequest& request,
                       const wire::ReasoningMarkers& markers, std::span<const int32_t> prompt) {
  const Tokenizer& tokenizer = model.engine->tokenizer();
  Thinking thinking{.begin = markers.begin, .end = markers.end};
  thinking.open = ends_with(tokenizer, prompt, markers.begin);
  thinking.max_tokens = request.reasoning.budget;
  const bool knows_efforts = model.engine->chat_template().source().contains("reasoning_effort");
  if (thinking.max_tokens < 0 && !knows_efforts) thinking.max_tokens = budget_of(request.reasoning.effort);
  thinking.forced =
      tokenizer.encode("\n" + markers.end + "\n\n", {.add_special = false, .parse_special = true});
  return thinking;
}

std::string call_id(const wire::ToolFormat& format) {
  if (format.id_length == 0) return random_id("call_");
  std::string id = random_id("");
  id.resize(format.id_length, '0');
  return id;
}

std::vector<std::string> names_of(const wire::Json& tools) {
  std::vector<std::string> names;
  for (const wire::Json& tool : tools) names.push_back(tool.at("function").at("name").get<std::string>());
  return names;
}

}  // namespace

Result<void> check_output_options(const OutputOptions& options) {
  if (options.reasoning != "auto" && options.reasoning != "off") {
    return fail(ErrorKind::kInvalid, "server.output",
                fmt::format("reasoning is '{}'; it must be auto or off", options.reasoning));
  }
  if (options.tool_format == "auto" || wire::find_tool_format(options.tool_format)) return {};
  std::string names = "auto";
  for (const wire::ToolFormat* format : wire::tool_formats()) names += fmt::format(", {}", format->name);
  return fail(ErrorKind::kInvalid, "server.output",
              fmt::format("there is no tool format '{}'", options.tool_format), "it is one of " + names);
}

const wire::ToolFormat& tool_format(const ServedModel& model) {
  const wire::ToolFormat* chosen = wire::find_tool_format(model.output.tool_format);
  return chosen ? *chosen : wire::tool_format_of(model.engine->chat_template().source());
}

std::optional<wire::ReasoningMarkers> reasoning_markers(const ServedModel& model) {
  if (model.output.reasoning == "off") return std::nullopt;
  const std::string& source = model.engine->chat_template().source();
  for (const wire::ReasoningMarkers& markers : kMarkers) {
    if (source.contains(markers.begin) || source.contains(markers.end) ||
        model.engine->tokenizer().find_token(markers.begin) >= 0)
      return markers;
  }
  return std::nullopt;
}

std::optional<wire::ApiError> refused_output(const ServedModel& model, const wire::ChatRequest& request) {
  const wire::ReasoningFields& reasoning = request.reasoning;
  const bool wanted = reasoning.enabled.value_or(false) || !reasoning.effort.empty();
  const std::string& by = reasoning.effort.empty() ? reasoning.enabled_by : reasoning.effort_by;
  if (wanted && !by.starts_with("chat_template_kwargs") && !reasoning_markers(model)) {
    return wire::unsupported_field(
        by, fmt::format("'{}' is not supported: the model '{}' does not think before it answers.", by,
                        model.name));
  }
  if (!model.output.deepseek_rules) return std::nullopt;
  for (size_t i = 0; i < request.messages.size(); ++i) {
    if (!request.messages[i].contains("reasoning_content")) continue;
    const std::string path = fmt::format("messages[{}].reasoning_content", i);
    return wire::invalid_field(
        path,
        fmt::format("'{}' must be left out: this model does not take its earlier reasoning back.", path));
  }
  if (request.top_logprobs >= 0)
    return wire::unsupported_field("logprobs", "'logprobs' is not supported by this model.");
  return std::nullopt;
}

wire::OutputReading output_reading(const ServedModel& model, const wire::ChatRequest& request,
                                   GenerationRequest* generation) {
  const Tokenizer& tokenizer = model.engine->tokenizer();
  wire::OutputReading reading;
  const wire::ToolFormat* format = request.tools.offered() ? &tool_format(model) : nullptr;
  const auto markers = reasoning_markers(model);
  bool open = false;
  if (markers) {
    generation->thinking = thinking_part(model, request, *markers, generation->prompt);
    open = generation->thinking->open;
    show(tokenizer, markers->begin + markers->end, &generation->shown_tokens);
  }
  std::vector<std::string> names;
  if (format) {
    names = names_of(request.tools.tools);
    for (std::string_view text : format->spelled()) show(tokenizer, text, &generation->shown_tokens);
    reading.call_id = [format] { return call_id(*format); };
    reading.one_call = !request.tools.parallel;
  }
  if (format || markers) {
    reading.splitter = [=]() -> std::unique_ptr<wire::OutputSplitter> {
      auto calls = format ? format->splitter(names) : nullptr;
      if (!markers) return calls;
      return std::make_unique<wire::ReasoningSplitter>(*markers, open, std::move(calls));
    };
  }
  reading.reasoning_shown = request.reasoning.shown;
  if (model.output.deepseek_rules) {
    generation->sampling.temperature = kR1Temperature;
    generation->sampling.top_p = kR1TopP;
    generation->sampling.presence_penalty = generation->sampling.frequency_penalty = 0;
  }
  return reading;
}

}  // namespace pingti
