#include "server/api_description.h"
#include "server/chat_plan.h"
#include "server/prompts.h"
#include "server/routes/generate.h"
#include "wire/messages_answer.h"
#include "wire/messages_request.h"

namespace pingti {
namespace {

class MessagesWriter final : public AnswerWriter {
 public:
  MessagesWriter(wire::MessagesAnswer answer, std::string request_id)
      : answer_(std::move(answer)), request_id_(std::move(request_id)) {}

  wire::Json whole(const std::vector<wire::ChoicePart>& choices, const wire::Usage& usage) override {
    return answer_.whole(choices[0], usage);
  }
  std::string begin() override { return answer_.begin(); }
  std::string part(const wire::ChoicePart& part, bool, const wire::Usage&) override {
    return answer_.part(part);
  }
  std::string end(const wire::Usage& usage) override { return answer_.end(usage); }
  std::string error(const wire::ApiError& error) override {
    return wire::sse_event("error", wire::messages_error(error, request_id_));
  }
  std::string keep_alive() const override { return "event: ping\ndata: {\"type\": \"ping\"}\n\n"; }

 private:
  wire::MessagesAnswer answer_;
  std::string request_id_;
};

void handle(Call call) {
  auto request = wire::parse_messages_request(call.request.body);
  if (!request) return call.reply->error(request.error());
  auto plan = plan_chat(call, *request);
  if (!plan) return;
  plan->answer.writer = std::make_unique<MessagesWriter>(
      wire::MessagesAnswer(answer_head(plan->model, "msg_"), request->max_tokens, plan->prompt_tokens),
      call.reply->request_id());
  Answer::run(call.context, std::move(plan->model), call.reply, std::move(plan->answer));
}

void count(Call call) {
  auto request = wire::parse_messages_request(call.request.body, /*count_only=*/true);
  if (!request) return call.reply->error(request.error());
  auto model = serve_model(call, request->common.model);
  if (!model) return;
  auto prompt = chat_prompt(*model, *request);
  if (!prompt) return call.reply->error(prompt.error());
  call.reply->json(200, {{"input_tokens", prompt->size()}});
}

wire::Json describe_messages() {
  return post_operation("An answer to a conversation, as Anthropic's API has it.",
                        wire::messages_request_schema(), "A message, or server-sent events with its pieces.");
}
wire::Json describe_count() {
  return post_operation("How many tokens a conversation has.", wire::messages_request_schema(true),
                        "The number of input tokens.");
}

}  // namespace

extern const Route kMessagesRoute;
const Route kMessagesRoute{
    "messages",          "POST", {"/v1/messages", "/messages"}, false, false, handle, describe_messages,
    wire::messages_error};
extern const Route kCountTokensRoute;
const Route kCountTokensRoute{"count_tokens",
                              "POST",
                              {"/v1/messages/count_tokens", "/messages/count_tokens"},
                              false,
                              false,
                              count,
                              describe_count,
                              wire::messages_error};

}  // namespace pingti
