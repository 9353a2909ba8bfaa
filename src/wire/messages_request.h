// POST /v1/messages and /v1/messages/count_tokens: Anthropic's request, read as a conversation like any
// other.
#pragma once

#include <string_view>

#include "wire/chat_request.h"
#include "wire/schema.h"

namespace pingti::wire {

// The chat request that asks for the same: system, text, tool_use, tool_result and thinking blocks as OpenAI
// messages, tools and tool_choice in OpenAI's form. A last message of the assistant is its continuation.
// Errors name Anthropic's fields. count_only: max_tokens is not needed.
ApiResult<ChatRequest> parse_messages_request(std::string_view body, bool count_only = false);

Json messages_request_schema(bool count_only = false);

}  // namespace pingti::wire
