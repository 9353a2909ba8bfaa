#include <fmt/format.h>

#include "server/api_description.h"
#include "server/route.h"

namespace pingti {
namespace {

// Alive while every loaded engine's thread keeps looking for work, or while there is none yet.
void live(Call call) {
  if (ModelHost* host = call.context->host) {
    for (const ModelStatus& status : host->list()) {
      if (status.engine == nullptr) continue;
      const double still = status.engine->stats().seconds_since_step;
      if (still <= call.context->options.stall_seconds) continue;
      return call.reply->error(wire::unavailable(
          "stalled", fmt::format("The engine of {} has not stepped for {:.0f} seconds.", status.name, still),
          0));
    }
  }
  call.reply->json(200, {{"status", "ok"}});
}

void ready(Call call) {
  if (call.context->draining) {
    return call.reply->error(wire::unavailable("draining", "The server is shutting down.", 5));
  }
  ModelHost* host = call.context->host;
  if (host == nullptr || !host->preloaded()) {
    const double progress = host ? host->preload_progress() : call.context->load_fraction.load();
    wire::ApiError error = wire::unavailable("loading", "The model is being loaded.", 1);
    error.extra = {{"progress", static_cast<int>(progress * 100) / 100.0}};
    return call.reply->error(error);
  }
  live(std::move(call));
}

wire::Json describe_live() { return get_operation("Whether the engine is alive.", "It is."); }
wire::Json describe_ready() { return get_operation("Whether requests are answered.", "They are."); }

}  // namespace

extern const Route kLivezRoute;
const Route kLivezRoute{"livez", "GET", {"/livez"}, true, true, live, describe_live};
extern const Route kReadyzRoute;
const Route kReadyzRoute{"readyz", "GET",         {"/readyz", "/health", "/v1/health"}, true, true,
                         ready,    describe_ready};

}  // namespace pingti
