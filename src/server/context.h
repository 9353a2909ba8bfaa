// What all requests of one Server share.
#pragma once

#include <atomic>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "net/http_server.h"
#include "server/admission.h"
#include "server/metrics.h"
#include "server/server.h"

namespace pingti {

struct Context : std::enable_shared_from_this<Context> {
  ServerOptions options;
  int64_t started = std::time(nullptr);
  bool loopback = true;  // listening where only this machine can reach it
  Metrics metrics;
  std::unique_ptr<net::HttpServer> http;

  std::atomic<double> load_fraction{0};
  std::atomic<bool> draining{false};

  // Null while loading. What follows is set before and does not change afterwards.
  std::atomic<Engine*> engine{nullptr};
  std::vector<std::string> model_ids;
  size_t longest_token = 1;  // bytes
  std::shared_ptr<Admission> admission;
};

}  // namespace pingti
