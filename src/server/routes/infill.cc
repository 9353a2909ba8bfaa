#include "server/answer.h"
#include "server/api_description.h"
#include "server/cache_scope.h"
#include "server/prompts.h"
#include "server/routes/generate.h"
#include "wire/text_requests.h"

namespace pingti {
namespace {

// llama-server's shape.
class InfillWriter final : public AnswerWriter {
 public:
  explicit InfillWriter(std::string model) : model_(std::move(model)) {}

  wire::Json whole(const std::vector<wire::ChoicePart>& choices, const wire::Usage& usage) override {
    return last(choices[0], choices[0].text, usage);
  }
  std::string part(const wire::ChoicePart& part, bool, const wire::Usage& usage) override {
    if (!part.finish_reason.empty()) return wire::sse_event(last(part, part.text, usage));
    return wire::sse_event({{"index", 0}, {"content", part.text}, {"stop", false}});
  }
  std::string end(const wire::Usage&) override { return {}; }

 private:
  wire::Json last(const wire::ChoicePart& part, const std::string& text, const wire::Usage& usage) const {
    const char* type = part.finish_reason == "length" ? "limit" : part.stop_text.empty() ? "eos" : "word";
    return {{"index", 0},
            {"content", text},
            {"model", model_},
            {"stop", true},
            {"stop_type", type},
            {"stopping_word", part.stop_text},
            {"tokens_predicted", usage.completion_tokens},
            {"tokens_evaluated", usage.prompt_tokens},
            {"tokens_cached", usage.cached_tokens},
            {"truncated", false}};
  }

  std::string model_;
};

void handle(Call call) {
  auto request = wire::parse_infill_request(call.request.body);
  if (!request) return call.reply->error(request.error());
  auto model = serve_model(call, request->common.model);
  if (!model) return;
  auto place = reserve_place(call, *model, request->common, request->max_tokens);
  if (!place) return;
  auto prompt = infill_prompt(*model, {request->prefix, request->suffix, request->prompt, request->extra});
  if (!prompt) return call.reply->error(prompt.error());
  auto generation = generation_request(*model->engine, request->common);
  if (!generation) return call.reply->error(generation.error());
  generation->id = call.reply->request_id();
  set_cache_scope(call, request->common, &*generation);
  generation->prompt = std::move(*prompt);
  generation->max_tokens = request->max_tokens;

  AnswerPlan plan;
  plan.writer = std::make_unique<InfillWriter>(model->name);
  plan.stream = request->common.stream;
  plan.show_stop = request->common.include_stop;
  plan.place = std::move(place);
  plan.requests.push_back(std::move(*generation));
  Answer::run(call.context, *std::move(model), call.reply, std::move(plan));
}

wire::Json describe() {
  return post_operation("Code between what is before and after it.", wire::infill_request_schema(),
                        "The text between, or server-sent events with its pieces.");
}

}  // namespace

extern const Route kInfillRoute;
const Route kInfillRoute{"infill", "POST", {"/infill", "/v1/infill"}, false, false, handle, describe};

}  // namespace pingti
