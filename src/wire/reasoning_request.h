// What a chat request says about thinking, in the words of several APIs:
//   on, off     chat_template_kwargs.enable_thinking (Qwen, vLLM), thinking.type (DeepSeek, Anthropic),
//               reasoning.enabled (OpenRouter), reasoning_effort "none"
//   how much    reasoning_effort (OpenAI), reasoning.effort
//   at most     thinking_token_budget (vLLM), thinking_budget (Qwen), thinking.budget_tokens (Anthropic),
//               reasoning.max_tokens (OpenRouter): tokens; 0 is off
//   not shown   include_reasoning false (vLLM, OpenRouter), reasoning.exclude
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "wire/field_reader.h"

namespace pingti::wire {

struct ReasoningFields {
  std::optional<bool> enabled;  // absent: the model's own habit
  std::string enabled_by;       // the field that said so
  std::string effort;           // minimal, low, medium, high, xhigh; empty: not given
  std::string effort_by;
  int64_t budget = -1;  // tokens; -1: no limit
  bool shown = true;    // reasoning is part of the answer
};

// template_kwargs: chat_template_kwargs as read, an object or null. Problems are left in the reader.
void read_reasoning_fields(FieldReader& fields, const Json& template_kwargs, ReasoningFields* out);

}  // namespace pingti::wire
