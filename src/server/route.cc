#include "server/route.h"

#include <exception>

namespace pingti {

#define PINGTI_ROUTE(name) extern const Route name;
#include "server/routes.inc"
#undef PINGTI_ROUTE

namespace {

const Route* const kRoutes[] = {
#define PINGTI_ROUTE(name) &name,
#include "server/routes.inc"
#undef PINGTI_ROUTE
};

bool matches(std::string_view pattern, std::string_view path, std::string* rest) {
  if (!pattern.ends_with('*')) return pattern == path;
  pattern.remove_suffix(1);
  if (!path.starts_with(pattern) || path.size() == pattern.size()) return false;
  *rest = path.substr(pattern.size());
  return true;
}

}  // namespace

std::span<const Route* const> all_routes() { return kRoutes; }

void run_route(Call call) {
  std::shared_ptr<Reply> reply = call.reply;
  const Route& route = *call.route;
  try {
    route.handle(std::move(call));
  } catch (const std::exception&) {
    reply->error(
        {.status = 500, .message = "The server failed.", .type = "server_error", .code = "internal"});
  }
}

Match find_route(std::string_view method, std::string_view path) {
  Match match;
  for (const Route* route : kRoutes) {
    for (std::string_view pattern : route->paths) {
      std::string rest;
      if (!matches(pattern, path, &rest)) continue;
      bool get = std::string_view(route->method) == "GET";
      if (!match.allow.empty()) match.allow += ", ";
      match.allow += get ? "GET, HEAD" : route->method;
      if (!match.route && (method == route->method || (get && method == "HEAD"))) {
        match.route = route;
        match.rest = std::move(rest);
      }
    }
  }
  if (!match.allow.empty()) match.allow += ", OPTIONS";
  return match;
}

}  // namespace pingti
