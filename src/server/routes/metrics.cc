#include "server/api_description.h"
#include "server/route.h"

namespace pingti {
namespace {

void handle(Call call) {
  constexpr const char* kType = "text/plain; version=0.0.4; charset=utf-8";
  const Context& context = *call.context;
  ModelHost* host = context.host;
  const auto models = host ? host->list() : std::vector<ModelStatus>{};
  std::vector<int64_t> waiting;
  for (const ModelStatus& status : models) waiting.push_back(context.admissions.waiting(status));
  call.reply->send(200, kType,
                   context.metrics.text(models, waiting, host ? host->memory() : MemoryUse{}));
}

wire::Json describe() { return get_operation("Metrics for Prometheus.", "Its text format."); }

}  // namespace

extern const Route kMetricsRoute;
const Route kMetricsRoute{"metrics", "GET", {"/metrics"}, false, true, handle, describe};

}  // namespace pingti
