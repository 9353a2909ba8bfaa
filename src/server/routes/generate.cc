#include "server/routes/generate.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "base/version.h"

namespace pingti {

Engine* ready_engine(const Call& call) {
  Engine* engine = call.context->engine;
  if (call.context->draining) {
    call.context->metrics.refused("draining");
    call.reply->error(wire::unavailable("draining", "The server is shutting down.", 5));
    return nullptr;
  }
  if (!engine) {
    call.context->metrics.refused("loading");
    call.reply->error(wire::unavailable("loading", "The model is being loaded.", 2));
  }
  return engine;
}

std::optional<wire::ApiError> check_model(const Context& context, const std::string& model) {
  if (model.empty() || std::ranges::find(context.model_ids, model) != context.model_ids.end())
    return std::nullopt;
  return wire::ApiError{.status = 404,
                        .message = fmt::format("The model '{}' is not served here; '{}' is.",
                                               model.substr(0, 200), context.model_ids[0]),
                        .param = "model",
                        .code = "model_not_found"};
}

wire::AnswerHead answer_head(const Context& context, const std::string& model, std::string_view id_prefix) {
  return {random_id(id_prefix), std::time(nullptr), model.empty() ? context.model_ids[0] : model,
          std::string("pingti-") + kVersion};
}

}  // namespace pingti
