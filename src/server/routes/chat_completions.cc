#include "server/api_description.h"
#include "server/chat_plan.h"
#include "server/routes/generate.h"
#include "wire/chat_request.h"
#include "wire/request_schemas.h"

namespace pingti {
namespace {

constexpr OpenAiFormat kFormat{wire::chat_answer, wire::chat_chunk, wire::chat_usage_chunk};

void handle(Call call) {
  auto request = wire::parse_chat_request(call.request.body);
  if (!request) return call.reply->error(request.error());
  auto plan = plan_chat(call, *request);
  if (!plan) return;
  wire::AnswerHead head = answer_head(plan->model, "chatcmpl-");
  head.service_tier = request->common.tier_served();
  plan->answer.writer = openai_writer(kFormat, std::move(head), request->common);
  Answer::run(call.context, std::move(plan->model), call.reply, std::move(plan->answer));
}

wire::Json describe() {
  return post_operation("An answer to a conversation.", wire::chat_request_schema(),
                        "A chat completion, or server-sent events with its pieces.");
}

}  // namespace

extern const Route kChatCompletionsRoute;
const Route kChatCompletionsRoute{"chat_completions",
                                  "POST",
                                  {"/v1/chat/completions", "/chat/completions"},
                                  false,
                                  false,
                                  handle,
                                  describe};

}  // namespace pingti
