// What every endpoint that answers a conversation does with it.
#pragma once

#include <optional>

#include "server/answer.h"
#include "server/route.h"
#include "wire/chat_request.h"

namespace pingti {

struct ChatPlan {
  ServedModel model;
  AnswerPlan answer;  // without its writer
  int64_t prompt_tokens = 0;
};

// Nothing after answering an error.
std::optional<ChatPlan> plan_chat(const Call& call, const wire::ChatRequest& request);

}  // namespace pingti
