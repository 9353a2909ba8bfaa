#include "server/served_model.h"

#include <fmt/format.h>

#include <atomic>
#include <cstdint>

namespace pingti {
namespace {

wire::ApiError not_served(const ModelHost& host, const std::string& name) {
  constexpr size_t kShown = 8;
  std::vector<std::string> names = host.names();
  const bool one = names.size() == 1;
  if (names.size() > kShown) {
    names.resize(kShown);
    names.push_back("…");
  }
  return {.status = 404,
          .message = fmt::format("The model '{}' is not served here; '{}' {}.", name.substr(0, 200),
                                 fmt::join(names, "', '"), one ? "is" : "are"),
          .param = "model",
          .code = "model_not_found"};
}

wire::ApiError load_error(const ModelHost& host, ModelHost::Name name, const Error& error) {
  const int retry_after = host.retry_after(name, error);
  if (error.code == "host.closed")
    return wire::unavailable("draining", "The server is shutting down.", retry_after);
  const char* code = error.code == "host.memory"    ? "model_memory"
                     : error.code == "host.waiting" ? "queue_full"
                                                    : "model_failed";
  wire::ApiError api = wire::from_error(error);
  return wire::unavailable(code, std::move(api.message), retry_after);
}

ServedModel served(Context& context, const Lease& lease, const std::string& name) {
  const AdmissionLimits limits{context.options.max_queue, context.options.max_wait_seconds};
  return {.engine = lease.engine,
          .name = name.empty() ? lease.name : name,
          .own_name = lease.name,
          .longest_token = lease.longest_token,
          .output = context.options.output,
          .admission = context.admissions.of(lease, context.metrics, limits),
          .hold = lease.hold};
}

// Puts the call by until the model is loaded. It may go on, and be over, before this returns.
void wait_for_model(const Call& call, ModelHost& host, ModelHost::Name name) {
  constexpr uint64_t kGone = ~uint64_t{0};
  auto ticket = std::make_shared<std::atomic<uint64_t>>(0);  // 0: not known yet; kGone: the client has left
  call.reply->on_disconnect([&host, ticket] {
    if (const uint64_t known = ticket->exchange(kGone); known != 0) host.cancel(known);
  });
  auto parked = std::make_shared<Call>(call);
  Context* context = call.context.get();  // the parked call holds it
  const auto resume = [parked, context, &host, name](Result<Lease> lease) {
    auto granted = std::make_shared<Result<Lease>>(std::move(lease));
    context->http->run_on_worker([parked, context, &host, name, granted] {
      if (*granted) {
        parked->granted = std::make_shared<Lease>(*std::move(*granted));
        return run_route(std::move(*parked));
      }
      const wire::ApiError error = load_error(host, name, granted->error());
      context->metrics.refused(error.code);
      parked->reply->error(error);
    });
  };
  const uint64_t given = host.acquire(name, ModelHost::Clock::now() + context->options.load_wait, resume);
  uint64_t unknown = 0;
  if (!ticket->compare_exchange_strong(unknown, given)) host.cancel(given);
}

}  // namespace

std::optional<ServedModel> serve_model(const Call& call, const std::string& name) {
  Context& context = *call.context;
  ModelHost* host = context.host;
  if (context.draining) {
    context.metrics.refused("draining");
    call.reply->error(wire::unavailable("draining", "The server is shutting down.", 5));
    return std::nullopt;
  }
  if (!host) {
    context.metrics.refused("loading");
    call.reply->error(wire::unavailable("loading", "The model is being loaded.", 2));
    return std::nullopt;
  }
  if (call.granted) return served(context, *call.granted, name);
  const auto found = host->resolve(name);
  if (!found) {
    call.reply->error(not_served(*host, name));
    return std::nullopt;
  }
  if (const auto lease = host->try_acquire(*found)) return served(context, *lease, name);
  wait_for_model(call, *host, *found);
  return std::nullopt;
}

}  // namespace pingti
