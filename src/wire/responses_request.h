// POST /v1/responses: OpenAI's second way to ask for an answer to a conversation.
#pragma once

#include <string>
#include <string_view>

#include "wire/chat_request.h"

namespace pingti::wire {

struct ResponsesRequest {
  // The request's own items in their full form: messages, function_call, function_call_output, reasoning.
  Json items;
  std::string previous_response_id;  // empty: none
  bool store = true;
  bool stream = false;
  bool logprobs = false;  // asked for by `include`
  // Members of the answer that repeat the request: instructions, tools, temperature, ...
  Json echo;
  // The chat request but for its messages.
  Json chat;
};

ApiResult<ResponsesRequest> parse_responses_request(std::string_view body);
Json responses_request_schema();

// The chat request for a conversation: items of earlier turns and this one's, all in full form.
ApiResult<ChatRequest> responses_chat(const ResponsesRequest& request, const Json& items);

}  // namespace pingti::wire
