#include "server/api_description.h"
#include "server/served_model.h"

namespace pingti {
namespace {

wire::Json describe(const Context& context, const EngineInfo& info, const std::string& id) {
  return {{"id", id},
          {"object", "model"},
          {"created", context.started},
          {"owned_by", "pingti"},
          {"max_model_len", info.context},
          {"meta",
           {{"architecture", info.architecture},
            {"n_ctx_train", info.trained_context},
            {"n_vocab", info.vocab},
            {"n_params", info.parameters},
            {"size", info.weight_bytes}}}};
}

void list(Call call) {
  wire::Json data = wire::Json::array();
  if (Engine* engine = call.context->engine) {
    for (const std::string& id : call.context->model_ids)
      data.push_back(describe(*call.context, engine->info(), id));
  }
  call.reply->json(200, {{"object", "list"}, {"data", std::move(data)}});
}

void one(Call call) {
  if (auto model = serve_model(call, call.rest))
    call.reply->json(200, describe(*call.context, model->engine->info(), call.rest));
}

wire::Json describe_list() { return get_operation("The models served.", "A list of models."); }
wire::Json describe_one() { return get_operation("One of the models served.", "A model."); }

}  // namespace

extern const Route kModelsRoute;
const Route kModelsRoute{"models", "GET", {"/v1/models", "/models"}, false, true, list, describe_list};
extern const Route kModelRoute;
const Route kModelRoute{"model", "GET", {"/v1/models/*", "/models/*"}, false, true, one, describe_one};

}  // namespace pingti
