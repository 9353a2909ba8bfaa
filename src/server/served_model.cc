#include "server/served_model.h"

#include <fmt/format.h>

#include <algorithm>

namespace pingti {
namespace {

wire::ApiError not_served(const Context& context, const std::string& name) {
  return {.status = 404,
          .message = fmt::format("The model '{}' is not served here; '{}' is.", name.substr(0, 200),
                                 context.model_ids[0]),
          .param = "model",
          .code = "model_not_found"};
}

}  // namespace

std::optional<ServedModel> serve_model(const Call& call, const std::string& name) {
  Context& context = *call.context;
  Engine* engine = context.engine;
  if (context.draining) {
    context.metrics.refused("draining");
    call.reply->error(wire::unavailable("draining", "The server is shutting down.", 5));
    return std::nullopt;
  }
  if (!engine) {
    context.metrics.refused("loading");
    call.reply->error(wire::unavailable("loading", "The model is being loaded.", 2));
    return std::nullopt;
  }
  if (!name.empty() && std::ranges::find(context.model_ids, name) == context.model_ids.end()) {
    call.reply->error(not_served(context, name));
    return std::nullopt;
  }
  return ServedModel{.engine = engine,
                     .name = name.empty() ? context.model_ids[0] : name,
                     .longest_token = context.longest_token,
                     .output = context.options.output,
                     .hold = nullptr};
}

}  // namespace pingti
