#include "server/model_output.h"
#include "server/prompts.h"
#include "server/routes/generate.h"
#include "wire/chat_request.h"

namespace pingti {
namespace {

constexpr AnswerFormat kFormat{wire::chat_answer, wire::chat_chunk, wire::chat_usage_chunk, true};

void handle(Call call) {
  auto request = wire::parse_chat_request(call.request.body);
  if (!request) return call.reply->error(request.error());
  auto model = serve_model(call, request->common.model);
  if (!model) return;
  if (auto error = refused_output(*model, *request)) return call.reply->error(*error);
  auto prompt = chat_prompt(*model, *request);
  if (!prompt) return call.reply->error(prompt.error());
  auto generation = generation_request(*model->engine, request->common);
  if (!generation) return call.reply->error(generation.error());
  generation->id = call.reply->request_id();
  generation->prompt = std::move(*prompt);
  generation->max_tokens = request->max_tokens;
  generation->top_logprobs = request->top_logprobs;

  AnswerPlan plan{.format = kFormat, .head = answer_head(*model, "chatcmpl-")};
  plan.stream = request->common.stream;
  plan.include_usage = request->common.include_usage;
  plan.logprobs = request->top_logprobs >= 0;
  plan.reading = output_reading(*model, *request, &*generation);
  plan.requests.push_back(std::move(*generation));
  Answer::run(call.context, *std::move(model), call.reply, std::move(plan));
}

}  // namespace

extern const Route kChatCompletionsRoute;
const Route kChatCompletionsRoute{
    "chat_completions", "POST", {"/v1/chat/completions", "/chat/completions"}, false, false, handle};

}  // namespace pingti
