#include "server/chat_plan.h"

#include "server/cache_scope.h"
#include "server/model_output.h"
#include "server/prompts.h"
#include "server/routes/generate.h"

namespace pingti {

std::optional<ChatPlan> plan_chat(const Call& call, const wire::ChatRequest& request) {
  auto model = serve_model(call, request.common.model);
  if (!model) return std::nullopt;
  if (auto error = refused_output(*model, request)) return call.reply->error(*error), std::nullopt;
  auto place = reserve_place(call, *model, request.common, request.max_tokens);
  if (!place) return std::nullopt;
  auto prompt = chat_prompt(*model, request);
  if (!prompt) return call.reply->error(prompt.error()), std::nullopt;
  auto generation = generation_request(*model->engine, request.common);
  if (!generation) return call.reply->error(generation.error()), std::nullopt;
  generation->id = call.reply->request_id();
  set_cache_scope(call, request.common, &*generation);
  generation->prompt = std::move(*prompt);
  generation->max_tokens = request.max_tokens;
  generation->top_logprobs = request.top_logprobs;

  ChatPlan plan{.model = *std::move(model), .prompt_tokens = std::ssize(generation->prompt)};
  plan.answer.stream = request.common.stream;
  plan.answer.show_stop = request.common.include_stop;
  plan.answer.logprobs = request.top_logprobs >= 0;
  plan.answer.place = std::move(place);
  plan.answer.reading = output_reading(plan.model, request, &*generation);
  plan.answer.requests.push_back(std::move(*generation));
  return plan;
}

}  // namespace pingti
