#include <fmt/format.h>

#include "server/answer.h"
#include "server/api_description.h"
#include "server/cache_scope.h"
#include "server/prompts.h"
#include "wire/embeddings.h"
#include "wire/request_schemas.h"

namespace pingti {
namespace {

class EmbeddingWriter final : public AnswerWriter {
 public:
  EmbeddingWriter(std::string model, int64_t dimensions, bool base64)
      : model_(std::move(model)), dimensions_(dimensions), base64_(base64) {}

  wire::Json whole(const std::vector<wire::ChoicePart>& choices, const wire::Usage& usage) override {
    std::vector<std::vector<float>> units;
    units.reserve(choices.size());
    for (const wire::ChoicePart& part : choices)
      units.push_back(wire::normalized(part.embedding, dimensions_));
    return wire::embedding_answer(model_, units, base64_, usage);
  }
  std::string part(const wire::ChoicePart&, bool, const wire::Usage&) override { return {}; }
  std::string end(const wire::Usage&) override { return {}; }

 private:
  std::string model_;
  int64_t dimensions_;
  bool base64_;
};

// An embedding model's own way; of other models the mean, which says more than their last token's state.
Pooling pooling_of(const EngineInfo& info, const std::string& wanted) {
  if (wanted == "last") return Pooling::kLast;
  if (wanted == "mean" || info.pooling == Pooling::kNone) return Pooling::kMean;
  return info.pooling;
}

void handle(Call call) {
  auto request = wire::parse_embedding_request(call.request.body);
  if (!request) return call.reply->error(request.error());
  auto model = serve_model(call, request->model);
  if (!model) return;
  const EngineInfo& info = model->engine->info();
  if (request->dimensions > info.hidden) {
    return call.reply->error(
        wire::invalid_field("dimensions", fmt::format("'dimensions' is {}; this model's embeddings have {}.",
                                                      request->dimensions, info.hidden)));
  }
  AnswerPlan plan;
  plan.writer = std::make_unique<EmbeddingWriter>(model->name, request->dimensions, request->base64);
  for (const wire::Prompt& input : request->inputs) {
    auto prompt = completion_prompt(*model, input, "", request->add_special);
    if (!prompt) return call.reply->error(prompt.error());
    GenerationRequest& one = plan.requests.emplace_back();
    one.id = call.reply->request_id();
    one.prompt = std::move(*prompt);
    one.max_tokens = 0;
    set_cache_scope(call, {}, &one);
    one.embed = pooling_of(info, request->pooling);
  }
  Answer::run(call.context, *std::move(model), call.reply, std::move(plan));
}

wire::Json describe() {
  return post_operation("Texts as vectors of length 1.", wire::embedding_request_schema(),
                        "A list of embeddings, in the order of the inputs.");
}

}  // namespace

extern const Route kEmbeddingsRoute;
const Route kEmbeddingsRoute{"embeddings", "POST",  {"/v1/embeddings", "/embeddings"}, false, false,
                             handle,       describe};

}  // namespace pingti
