#include "server/route.h"

namespace pingti {
namespace {

void handle(Call call) {
  constexpr const char* kType = "text/plain; version=0.0.4; charset=utf-8";
  Engine* engine = call.context->engine;
  if (!engine) return call.reply->send(200, kType, call.context->metrics.text(nullptr, nullptr, 0));
  EngineStats stats = engine->stats();
  call.reply->send(200, kType,
                   call.context->metrics.text(&engine->info(), &stats, call.context->admission->waiting()));
}

}  // namespace

extern const Route kMetricsRoute;
const Route kMetricsRoute{"metrics", "GET", {"/metrics"}, false, true, handle};

}  // namespace pingti
