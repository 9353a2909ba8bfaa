// What all requests of one Server share.
#pragma once

#include <atomic>
#include <ctime>
#include <memory>
#include <string>

#include "net/http_server.h"
#include "server/admission.h"
#include "server/admissions.h"
#include "server/metrics.h"
#include "server/response_store.h"
#include "server/server.h"
#include "serving/model_host.h"

namespace pingti {

struct Context : std::enable_shared_from_this<Context> {
  ServerOptions options;
  int64_t started = std::time(nullptr);
  bool loopback = true;  // listening where only this machine can reach it
  Metrics metrics;
  Admissions admissions;  // of the engines loaded
  std::unique_ptr<net::HttpServer> http;
  ResponseStore responses;

  std::atomic<double> load_fraction{0};  // before there is a host
  std::atomic<bool> draining{false};

  // The models; null until attach(). Set once.
  std::atomic<ModelHost*> host{nullptr};
  std::unique_ptr<ModelHost> own_host;  // around an engine attached alone
};

}  // namespace pingti
