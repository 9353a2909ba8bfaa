// From messages to the token ids a model expects.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "text/chat_template.h"

namespace pingti {

// Renders the engine's chat template and tokenizes it. The beginning-of-text token is there exactly once for
// a model that wants one, whether the template spells it or not. Errors: those of ChatTemplate::render.
Result<std::vector<int32_t>> chat_tokens(const Engine& engine, const ChatTemplateInput& input);

}  // namespace pingti
