#include "base/version.h"

#include "server/api_description.h"
#include "server/route.h"

namespace pingti {
namespace {

// With several models, context is that of the first one loaded.
void handle(Call call) {
  wire::Json body = {{"version", kVersion}};
  ModelHost* host = call.context->host;
  const auto models = host ? host->list() : std::vector<ModelStatus>{};
  for (const ModelStatus& status : models) {
    if (status.engine == nullptr) continue;
    const EngineInfo& info = status.engine->info();
    body["isa"] = info.isa;
    body["kernels"] = info.kernels;
    body["threads"] = info.threads;
    body["context"] = info.context;
    break;
  }
  call.reply->json(200, body);
}

wire::Json describe() { return get_operation("What runs here.", "Version, kernels, threads, context."); }

}  // namespace

extern const Route kVersionRoute;
const Route kVersionRoute{"version", "GET", {"/version"}, false, true, handle, describe};

}  // namespace pingti
