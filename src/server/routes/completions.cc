#include "server/api_description.h"
#include "server/cache_scope.h"
#include "server/prompts.h"
#include "server/routes/generate.h"
#include "text/tokenizer.h"
#include "wire/completion_request.h"
#include "wire/request_schemas.h"

namespace pingti {
namespace {

constexpr OpenAiFormat kFormat{wire::completion_answer, wire::completion_chunk, wire::completion_usage_chunk};

void handle(Call call) {
  auto request = wire::parse_completion_request(call.request.body);
  if (!request) return call.reply->error(request.error());
  auto model = serve_model(call, request->common.model);
  if (!model) return;
  auto place = reserve_place(call, *model, request->common, request->max_tokens, request->prompts.size());
  if (!place) return;
  auto generation = generation_request(*model->engine, request->common);
  if (!generation) return call.reply->error(generation.error());
  generation->id = call.reply->request_id();
  set_cache_scope(call, request->common, &*generation);
  generation->max_tokens = request->max_tokens;
  generation->top_logprobs = request->top_logprobs;
  generation->prompt_logprobs = request->echo && request->top_logprobs >= 0;

  wire::AnswerHead head = answer_head(*model, "cmpl-");
  head.service_tier = request->common.tier_served();
  AnswerPlan plan;
  plan.writer = openai_writer(kFormat, std::move(head), request->common);
  plan.stream = request->common.stream;
  plan.show_stop = request->common.include_stop;
  if (request->best_of > request->common.n) {
    plan.best = generation->choices;
    generation->choices = static_cast<int>(request->best_of);
    generation->top_logprobs = std::max(generation->top_logprobs, 0);
  }
  plan.logprobs = request->top_logprobs >= 0;
  plan.place = std::move(place);
  for (const wire::Prompt& given : request->prompts) {
    auto prompt = completion_prompt(*model, given, request->suffix, request->add_special);
    if (!prompt) return call.reply->error(prompt.error());
    if (request->echo) {
      const auto* text = std::get_if<std::string>(&given);
      plan.echo.push_back({text ? *text : model->engine->tokenizer().decode(*prompt), *prompt});
    }
    plan.requests.push_back(*generation);
    plan.requests.back().prompt = std::move(*prompt);
  }
  Answer::run(call.context, *std::move(model), call.reply, std::move(plan));
}

wire::Json describe() {
  return post_operation("Texts continued.", wire::completion_request_schema(),
                        "A text completion, or server-sent events with its pieces.");
}

}  // namespace

extern const Route kCompletionsRoute;
const Route kCompletionsRoute{"completions", "POST",  {"/v1/completions", "/completions"}, false, false,
                              handle,        describe};

}  // namespace pingti
