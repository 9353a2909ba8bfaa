// POST /v1/chat/completions: the request body.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "wire/api_error.h"
#include "wire/reasoning_request.h"
#include "wire/request_fields.h"
#include "wire/tool_request.h"

namespace pingti::wire {

struct ChatRequest {
  CommonFields common;
  // As chat templates want them: role system, user, assistant or tool; content one string; name,
  // reasoning_content, tool_calls (arguments as JSON text) and tool_call_id where given.
  Json messages;
  int64_t max_tokens = -1;   // -1: not given
  int top_logprobs = -1;     // -1: no logprobs
  Json template_kwargs;      // chat_template_kwargs: an object or null
  std::string continuation;  // how the answer begins: put behind the prompt, not part of the answer
  ToolFields tools;
  ReasoningFields reasoning;
};

ApiResult<ChatRequest> parse_chat_request(std::string_view body);

}  // namespace pingti::wire
