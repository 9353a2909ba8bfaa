// What all requests of one Server share.
#pragma once

#include <algorithm>
#include <atomic>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "net/http_server.h"
#include "server/metrics.h"
#include "server/response_store.h"
#include "server/server.h"

namespace pingti {

struct Context : std::enable_shared_from_this<Context> {
  ServerOptions options;
  int64_t started = std::time(nullptr);
  bool loopback = true;  // listening where only this machine can reach it
  Metrics metrics;
  std::unique_ptr<net::HttpServer> http;
  ResponseStore responses;

  std::atomic<double> load_fraction{0};
  std::atomic<bool> draining{false};
  std::atomic<int64_t> outstanding{0};  // choices submitted and not finished
  std::atomic<double> mean_seconds{1};  // of recent answers

  // Null while loading. What follows is set before and does not change afterwards.
  std::atomic<Engine*> engine{nullptr};
  std::vector<std::string> model_ids;
  size_t longest_token = 1;  // bytes

  // Choices submitted that are not in the batch yet.
  int64_t waiting() const {
    Engine* e = engine;
    return e ? std::max<int64_t>(0, outstanding - e->stats().running) : 0;
  }
};

}  // namespace pingti
