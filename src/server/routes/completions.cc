#include "server/cache_scope.h"
#include "server/prompts.h"
#include "server/routes/generate.h"
#include "text/tokenizer.h"
#include "wire/completion_request.h"

namespace pingti {
namespace {

constexpr AnswerFormat kFormat{
    wire::completion_answer,
    [](const wire::AnswerHead& head, const wire::ChoicePart& part, bool, bool with_usage_field) {
      return wire::completion_chunk(head, part, with_usage_field);
    },
    wire::completion_usage_chunk, false};

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

  AnswerPlan plan{.format = kFormat, .head = answer_head(*model, "cmpl-")};
  plan.head.service_tier = request->common.tier_served();
  plan.stream = request->common.stream;
  plan.include_usage = request->common.include_usage;
  plan.logprobs = request->top_logprobs >= 0;
  plan.place = std::move(place);
  for (const wire::Prompt& given : request->prompts) {
    auto prompt = completion_prompt(*model, given, request->suffix);
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

}  // namespace

extern const Route kCompletionsRoute;
const Route kCompletionsRoute{"completions", "POST", {"/v1/completions", "/completions"},
                              false,         false,  handle};

}  // namespace pingti
