#include <fmt/format.h>

#include "server/api_description.h"
#include "server/route.h"

namespace pingti {
namespace {

// Alive while the engine thread keeps looking for work, or while there is no engine yet.
void live(Call call) {
  if (Engine* engine = call.context->engine) {
    double still = engine->stats().seconds_since_step;
    if (still > call.context->options.stall_seconds) {
      return call.reply->error(wire::unavailable(
          "stalled", fmt::format("The engine has not stepped for {:.0f} seconds.", still), 0));
    }
  }
  call.reply->json(200, {{"status", "ok"}});
}

void ready(Call call) {
  if (call.context->draining) {
    return call.reply->error(wire::unavailable("draining", "The server is shutting down.", 5));
  }
  if (!call.context->engine) {
    wire::ApiError error = wire::unavailable("loading", "The model is being loaded.", 1);
    error.extra = {{"progress", static_cast<int>(call.context->load_fraction * 100) / 100.0}};
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
