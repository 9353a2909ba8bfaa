// An endpoint: one file in routes/, one line in routes.inc.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/context.h"
#include "server/reply.h"

namespace pingti {

struct Route;

struct Call {
  std::shared_ptr<Context> context;
  net::Request request;
  std::shared_ptr<Reply> reply;
  std::string rest;  // what stood for "*" in the path
  const Route* route = nullptr;
  std::shared_ptr<Lease> granted = nullptr;  // of the model this call has waited for (served_model.h)
};

struct Route {
  const char* name;                     // in metrics
  const char* method;                   // GET answers HEAD as well
  std::vector<std::string_view> paths;  // a final "*" stands for one or more characters
  bool open;                            // needs no API key
  bool quick;                           // may run on an I/O thread
  void (*handle)(Call call);
  // The operation as OpenAPI describes it (server/api_description.h); null: not part of the API.
  wire::Json (*describe)() = nullptr;
  ErrorShape error_shape = openai_error;
  bool admin = false;  // needs an admin key, and no API key
};

struct Match {
  const Route* route = nullptr;  // null: nothing at that path, or not with that method
  std::string rest;
  std::string allow;  // methods the path has, for Allow; empty: no such path
};

std::span<const Route* const> all_routes();
// Runs the call's route. What an endpoint throws (memory running out, for one) ends its request, not the
// process.
void run_route(Call call);

Match find_route(std::string_view method, std::string_view path);

}  // namespace pingti
