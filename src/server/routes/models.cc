// The models: what they are, and, as llama-server's router spells it, what state they are in.
#include <fmt/format.h>

#include "server/api_description.h"
#include "server/route.h"

namespace pingti {
namespace {

// As llama-server: "failed" is a model that is not loaded, with a mark.
wire::Json status_json(const ModelStatus& status) {
  const bool failed = status.state == ModelState::kFailed;
  wire::Json json = {{"value", failed ? "unloaded" : spelled(status.state)}};
  if (status.state == ModelState::kLoading)
    json["progress"] = static_cast<int>(status.progress * 100) / 100.0;
  if (failed) {
    json["failed"] = true;
    json["error"] = {{"code", status.error->code}, {"message", status.error->message}};
  }
  return json;
}

wire::Json meta_json(const ModelStatus& status) {
  if (status.engine == nullptr && !status.needs) return nullptr;
  wire::Json meta;
  if (status.engine != nullptr) {
    const EngineInfo& info = status.engine->info();
    meta = {{"architecture", info.architecture},
            {"n_ctx_train", info.trained_context},
            {"n_vocab", info.vocab},
            {"n_params", info.parameters},
            {"size", info.weight_bytes},
            {"kv_tokens", info.kv_tokens}};
  } else {
    meta = {{"architecture", status.needs->architecture},
            {"n_ctx_train", status.needs->trained_context},
            {"n_vocab", status.needs->vocab},
            {"n_params", status.needs->parameters},
            {"size", status.needs->file_bytes}};
  }
  meta["memory"] = status.memory;
  return meta;
}

wire::Json describe(const Context& context, const ModelStatus& status, const std::string& id) {
  wire::Json json = {{"id", id}, {"object", "model"}, {"created", context.started}, {"owned_by", "pingti"}};
  if (status.engine != nullptr) {
    json["max_model_len"] = status.engine->info().context;
  } else if (status.needs) {
    json["max_model_len"] = status.needs->context;
  }
  if (id != status.name) json["parent"] = status.name;
  json["status"] = status_json(status);
  json["pinned"] = status.pinned;
  json["meta"] = meta_json(status);
  return json;
}

void list(Call call) {
  wire::Json data = wire::Json::array();
  if (ModelHost* host = call.context->host) {
    for (const ModelStatus& status : host->list()) {
      data.push_back(describe(*call.context, status, status.name));
      for (const std::string& alias : status.aliases) {
        if (alias != status.name) data.push_back(describe(*call.context, status, alias));
      }
    }
  }
  call.reply->json(200, {{"object", "list"}, {"data", std::move(data)}});
}

void one(Call call) {
  ModelHost* host = call.context->host;
  if (host == nullptr)
    return call.reply->error(wire::unavailable("loading", "The model is being loaded.", 2));
  const auto name = host->resolve(call.rest);
  if (!name) {
    return call.reply->error(
        {.status = 404,
         .message = fmt::format("The model '{}' is not served here.", call.rest.substr(0, 200)),
         .param = "model",
         .code = "model_not_found"});
  }
  const auto models = host->list();
  call.reply->json(200, describe(*call.context, models[name->model], call.rest));
}

wire::Json describe_list() { return get_operation("The models served.", "A list of models."); }
wire::Json describe_one() { return get_operation("One of the models served.", "A model."); }

}  // namespace

extern const Route kModelsRoute;
const Route kModelsRoute{"models", "GET", {"/v1/models", "/models"}, false, true, list, describe_list};
extern const Route kModelRoute;
const Route kModelRoute{"model", "GET", {"/v1/models/*", "/models/*"}, false, true, one, describe_one};

}  // namespace pingti
