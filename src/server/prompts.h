// Requests -> token ids and sampling parameters.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "wire/chat_request.h"
#include "wire/completion_request.h"

namespace pingti {

// Renders the chat template and encodes it; the template places all special tokens.
wire::ApiResult<std::vector<int32_t>> chat_prompt(const Engine& engine, const wire::ChatRequest& request);

// Text gets the special tokens the model asks for; with a suffix, the model's fill-in-the-middle tokens.
wire::ApiResult<std::vector<int32_t>> completion_prompt(const Engine& engine, const wire::Prompt& prompt,
                                                        const std::string& suffix);

// Everything but prompt, id, token limit and logprobs. A request without a seed gets a random one.
wire::ApiResult<GenerationRequest> generation_request(const Engine& engine, const wire::CommonFields& fields);

}  // namespace pingti
