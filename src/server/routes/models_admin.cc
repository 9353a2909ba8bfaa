// POST /models/load and /models/unload {"model": NAME}: as llama-server's router has them. Both answer at
// once; GET /models tells how far it is.
#include <fmt/format.h>

#include "server/api_description.h"
#include "server/route.h"
#include "wire/field_reader.h"

namespace pingti {
namespace {

void with_model(const Call& call, void (ModelHost::*action)(ModelHost::Name)) {
  ModelHost* host = call.context->host;
  if (host == nullptr || call.context->draining) {
    return call.reply->error(
        wire::unavailable(host ? "draining" : "loading", "The server takes no models now.", 2));
  }
  auto body = wire::parse_json(call.request.body);
  if (!body) return call.reply->error(wire::from_error(body.error()));
  std::string name;
  wire::FieldReader reader(*body, "");
  const bool given = reader.string("model", &name);
  if (auto error = reader.finish()) return call.reply->error(*error);
  if (!given || name.empty())
    return call.reply->error(wire::invalid_field("model", "'model' must be a model's name."));
  const auto found = host->resolve(name);
  if (!found) {
    return call.reply->error(
        {.status = 404,
         .message = fmt::format("The model '{}' is not served here.", name.substr(0, 200)),
         .param = "model",
         .code = "model_not_found"});
  }
  (host->*action)(*found);
  call.reply->json(200, {{"success", true}});
}

void load(Call call) { with_model(call, &ModelHost::load); }
void unload(Call call) { with_model(call, &ModelHost::unload); }

wire::Json named_model() {
  return {{"type", "object"},
          {"properties", {{"model", {{"type", "string"}, {"minLength", 1}}}}},
          {"required", {"model"}},
          {"additionalProperties", false}};
}
wire::Json describe_load() {
  return post_operation("Loads a model; needs an admin key.", named_model(), "That it is being loaded.");
}
wire::Json describe_unload() {
  return post_operation("Unloads a model once nothing uses it; needs an admin key.", named_model(),
                        "That it is being unloaded.");
}

}  // namespace

extern const Route kLoadModelRoute;
const Route kLoadModelRoute{"load_model",  "POST",       {"/models/load", "/v1/models/load"},
                            false,         false,        load,
                            describe_load, openai_error, true};
extern const Route kUnloadModelRoute;
const Route kUnloadModelRoute{"unload_model",  "POST",       {"/models/unload", "/v1/models/unload"},
                              false,           false,        unload,
                              describe_unload, openai_error, true};

}  // namespace pingti
