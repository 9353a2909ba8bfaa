#include "wire/request_schemas.h"

#include "wire/completion_request.h"
#include "wire/embeddings.h"
#include "wire/request_fields.h"
#include "wire/tool_request.h"

namespace pingti::wire {
namespace {

using namespace schema;

constexpr double kAnyFloat = 3.0e38;
constexpr int64_t kAnyCount = INT32_MAX;

Json message_schema() {
  const Json part = object({{"type", one_of({"text"})}, {"text", string()}}, {"type", "text"});
  const Json content = any_of({string(), array(part, 0, 64)});
  const Json call =
      object({{"id", string()},
              {"type", one_of({"function"})},
              {"function", object({{"name", text()}, {"arguments", string()}}, {"name", "arguments"})}},
             {"id", "type", "function"});
  const Json said =
      object({{"role", one_of({"system", "developer", "user"})}, {"content", content}, {"name", string()}},
             {"role", "content"});
  const Json answer = object({{"role", one_of({"assistant"})},
                              {"content", content},
                              {"name", string()},
                              {"reasoning_content", string()},
                              {"reasoning", string()},
                              {"tool_calls", array(call, 1, kMostCallsOfMessage)}},
                             {"role"});
  const Json result = object({{"role", one_of({"tool"})}, {"content", content}, {"tool_call_id", string()}},
                             {"role", "content", "tool_call_id"});
  return any_of({said, answer, result});
}

Json tool_schema() {
  const Json function = object(
      {{"name", text()}, {"description", string()}, {"parameters", free_object()}, {"strict", boolean()}},
      {"name"});
  return object({{"type", one_of({"function"})}, {"function", function}}, {"type", "function"});
}

Members tool_and_reasoning_members() {
  const Json named =
      object({{"type", one_of({"function"})}, {"function", object({{"name", text()}}, {"name"})}},
             {"type", "function"});
  return {{"tools", array(tool_schema(), 0, kMostTools)},
          {"tool_choice", any_of({one_of({"none", "auto", "required"}), named})},
          {"parallel_tool_calls", boolean()},
          {"reasoning_effort", one_of({"none", "minimal", "low", "medium", "high", "xhigh"})},
          {"thinking_token_budget", integer(0, kAnyCount)},
          {"thinking_budget", integer(0, kAnyCount)},
          {"include_reasoning", boolean()},
          {"thinking", object({{"type", one_of({"enabled", "disabled", "adaptive", "auto"})},
                               {"budget_tokens", integer(0, kAnyCount)}},
                              {"type"})},
          {"reasoning", object({{"effort", one_of({"none", "minimal", "low", "medium", "high", "xhigh"})},
                                {"max_tokens", integer(0, kAnyCount)},
                                {"enabled", boolean()},
                                {"exclude", boolean()}})}};
}

}  // namespace

Members joined(Members first, const Members& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

Members sampling_members() {
  return {{"temperature", number(0, 100)},
          {"top_p", number(0, 1)},
          {"top_k", integer(-1, kAnyCount)},
          {"min_p", number(0, 1)},
          {"typical_p", number(0, 1)},
          {"repetition_penalty", number(0.001, 1000)},
          {"repeat_penalty", number(0.001, 1000)},
          {"presence_penalty", number(-2, 2)},
          {"frequency_penalty", number(-2, 2)},
          {"repeat_last_n", integer(-1, kAnyCount)},
          {"dry_multiplier", number(0, kAnyFloat)},
          {"dry_base", number(1, kAnyFloat)},
          {"dry_allowed_length", integer(0, kAnyCount)},
          {"dry_penalty_last_n", integer(-1, kAnyCount)},
          {"dry_sequence_breakers", any_of({text(), array(text(), 0, 64)})},
          {"xtc_probability", number(0, 1)},
          {"xtc_threshold", number(0, 1)},
          {"logit_bias",
           {{"type", "object"},
            {"propertyNames", {{"pattern", "^[0-9]{1,9}$"}}},
            {"additionalProperties", number(-100, 100)}}},
          {"allowed_token_ids", array(integer(0, INT32_MAX), 1, kMostAllowedTokens)},
          {"seed", integer(INT64_MIN, INT64_MAX)}};
}

Members common_members() {
  return joined({{"model", string("One of the names in /v1/models; the server's own if absent.")},
                 {"stream", boolean()},
                 {"stream_options", object({{"include_usage", boolean()},
                                            {"continuous_usage_stats", boolean()},
                                            {"include_obfuscation", boolean()}})},
                 {"n", integer(1, kMostChoices)},
                 {"stop", any_of({text(), array(text(), 0, kMostStopStrings)})},
                 {"stop_token_ids", token_ids(kMostStopTokens)},
                 {"include_stop_str_in_output", boolean()},
                 {"ignore_eos", boolean()},
                 {"min_tokens", integer(0, kAnyCount)},
                 {"skip_special_tokens", boolean()}},
                sampling_members());
}

Json prompt_schema(size_t most) {
  const Json ids = array(integer(0, INT32_MAX), 1, 1 << 20);
  return any_of({string(), ids, array(string(), 1, most), array(ids, 1, most)});
}

Json messages_schema() { return array(message_schema(), 1, 1 << 16); }

Json chat_request_schema() {
  return object(joined({{"messages", messages_schema()},
                        {"max_tokens", integer(1, INT64_MAX)},
                        {"max_completion_tokens", integer(1, INT64_MAX)},
                        {"logprobs", boolean()},
                        {"top_logprobs", integer(0, kMostTopLogprobs)},
                        {"chat_template_kwargs", free_object()}},
                       joined(tool_and_reasoning_members(), common_members())),
                {"messages"});
}

Json completion_request_schema() {
  return object(joined({{"prompt", prompt_schema(kMostPrompts)},
                        {"suffix", string()},
                        {"echo", boolean()},
                        {"max_tokens", integer(0, INT64_MAX)},
                        {"logprobs", integer(0, kMostTopLogprobs)},
                        {"best_of", integer(1, kMostChoices)},
                        {"add_special_tokens", boolean()}},
                       common_members()),
                {"prompt"});
}

Json embedding_request_schema() {
  return object({{"input", prompt_schema(kMostInputs)},
                 {"model", string()},
                 {"encoding_format", one_of({"float", "base64"})},
                 {"dimensions", integer(1, INT32_MAX)},
                 {"pooling", one_of({"mean", "last"})},
                 {"add_special_tokens", boolean()}},
                {"input"});
}

}  // namespace pingti::wire
