#include "base/version.h"

#include "server/api_description.h"
#include "server/route.h"

namespace pingti {
namespace {

void handle(Call call) {
  wire::Json body = {{"version", kVersion}};
  if (Engine* engine = call.context->engine) {
    const EngineInfo& info = engine->info();
    body["isa"] = info.isa;
    body["kernels"] = info.kernels;
    body["threads"] = info.threads;
    body["context"] = info.context;
  }
  call.reply->json(200, body);
}

wire::Json describe() { return get_operation("What runs here.", "Version, kernels, threads, context."); }

}  // namespace

extern const Route kVersionRoute;
const Route kVersionRoute{"version", "GET", {"/version"}, false, true, handle, describe};

}  // namespace pingti
