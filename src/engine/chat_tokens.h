// From messages to the token ids a model expects.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "text/chat_template.h"

namespace pingti {

// The ids of a rendered chat template. The beginning-of-text token is there exactly once for a model that
// wants one, whether the template spells it or not.
std::vector<int32_t> encode_chat(const Tokenizer& tokenizer, std::string_view rendered);

// Renders the engine's chat template and encodes it. Errors: those of ChatTemplate::render.
Result<std::vector<int32_t>> chat_tokens(const Engine& engine, const ChatTemplateInput& input);

}  // namespace pingti
