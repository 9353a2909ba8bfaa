// Requests -> token ids and sampling parameters.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "server/served_model.h"
#include "wire/chat_request.h"
#include "wire/completion_request.h"

namespace pingti {

// 400 "context_length_exceeded" with both numbers.
wire::ApiError too_long(std::string message, size_t prompt_tokens, int64_t context);

// Renders the chat template and encodes it (encode_chat). Text that cannot fit, whatever its tokens, is
// refused before it is encoded.
wire::ApiResult<std::vector<int32_t>> chat_prompt(const ServedModel& model, const wire::ChatRequest& request);

// Text gets the special tokens the model asks for; with a suffix, the model's fill-in-the-middle tokens.
wire::ApiResult<std::vector<int32_t>> completion_prompt(const ServedModel& model, const wire::Prompt& prompt,
                                                        const std::string& suffix, bool add_special = true);

// What /infill asks for: other files first, then the code around the gap, then how the answer begins.
struct Infill {
  std::string prefix;
  std::string suffix;
  std::string beginning;
  std::vector<std::pair<std::string, std::string>> files;  // names and texts
};
wire::ApiResult<std::vector<int32_t>> infill_prompt(const ServedModel& model, const Infill& infill);

// The chat template's text for the request's messages.
wire::ApiResult<std::string> render_chat(const ServedModel& model, const wire::ChatRequest& request,
                                         bool add_generation_prompt = true);

// Everything but prompt, id, token limit and logprobs. A request without a seed gets a random one.
// May compile a grammar, for seconds.
wire::ApiResult<GenerationRequest> generation_request(Engine& engine, const wire::CommonFields& fields);

}  // namespace pingti
