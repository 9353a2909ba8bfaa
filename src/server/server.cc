#include "server/server.h"

#include <fmt/format.h>

#include "server/access.h"
#include "server/model_output.h"
#include "server/route.h"
#include "serving/model_host.h"

namespace pingti {
namespace {

struct Refusal {
  wire::ApiError error;
  std::string allow;  // for 405 and OPTIONS; status 204 means an answer to OPTIONS
};

// Everything that can be said without the body.
std::optional<Refusal> refusal(const Context& context, const net::Request& request, const Match& match) {
  if (request.method == "OPTIONS" && (request.path == "*" || !match.allow.empty())) {
    return Refusal{{.status = 204}, match.allow.empty() ? "GET, HEAD, POST, OPTIONS" : match.allow};
  }
  bool health = match.route && match.route->open && match.route->quick;
  if (!health) {
    if (auto error = check_origin(context.options, context.loopback, request.headers))
      return Refusal{*error, {}};
  }
  if (match.allow.empty()) {
    return Refusal{{.status = 404,
                    .message = fmt::format("There is nothing at {}.", request.path.substr(0, 200)),
                    .code = "not_found"},
                   {}};
  }
  if (!match.route) {
    return Refusal{{.status = 405,
                    .message = fmt::format("{} takes {}, not {}.", request.path.substr(0, 200), match.allow,
                                           request.method.substr(0, 20)),
                    .code = "method_not_allowed"},
                   match.allow};
  }
  if (match.route->admin) {
    if (auto error = check_admin_key(context.options, request.headers)) return Refusal{*error, {}};
  } else if (!match.route->open) {
    if (auto error = check_api_key(context.options, request.headers)) return Refusal{*error, {}};
  }
  return std::nullopt;
}

net::Response response_to(const Refusal& refusal, const std::string& request_id, const Match& match) {
  net::Response response =
      error_response(refusal.error, request_id, match.route ? match.route->error_shape : openai_error);
  if (!refusal.allow.empty()) response.headers.add("Allow", refusal.allow);
  return response;
}

bool has_body(const net::Request& request) {
  std::string_view length = request.headers.get("Content-Length");
  return request.headers.has("Transfer-Encoding") || (!length.empty() && length != "0");
}

// Refusals before a body is read close the connection, so that nobody has to read it.
std::optional<net::Response> check_head(Context& context, const net::Request& request) {
  if (!has_body(request)) return std::nullopt;
  Match match = find_route(request.method, request.path);
  auto refused = refusal(context, request, match);
  if (!refused) return std::nullopt;
  context.metrics.http_request(match.route ? match.route->name : "none", request.method,
                               refused->error.status, 0);
  std::string id = request_id_of(request);
  if (context.options.on_access) {
    context.options.on_access({id, request.peer, request.method, request.target, refused->error.status, 0});
  }
  return response_to(*refused, id, match);
}

void handle(const std::shared_ptr<Context>& context, net::Request request,
            std::shared_ptr<net::Responder> responder) {
  Match match = find_route(request.method, request.path);
  auto reply = std::make_shared<Reply>(context, std::move(responder), request,
                                       match.route ? match.route->name : "none",
                                       match.route ? match.route->error_shape : openai_error);
  if (auto refused = refusal(*context, request, match)) {
    reply->respond(response_to(*refused, reply->request_id(), match));
    return;
  }
  Call call{context, std::move(request), std::move(reply), std::move(match.rest), match.route};
  if (match.route->quick) return run_route(std::move(call));
  auto shared = std::make_shared<Call>(std::move(call));
  context->http->run_on_worker([shared] { run_route(std::move(*shared)); });
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(ServerOptions options) {
  auto context = std::make_shared<Context>();
  context->loopback = net::is_loopback_host(options.host);
  if (!context->loopback && options.api_keys.empty() && !options.insecure) {
    return fail(ErrorKind::kInvalid, "server.no_api_key",
                fmt::format("listening on {} lets other machines in, and no API key is set", options.host),
                "set --api-key, listen on 127.0.0.1, or say --insecure to let everybody in");
  }
  PT_TRY_VOID(check_output_options(options.output));
  net::HttpServerOptions http;
  http.host = options.host;
  http.port = options.port;
  http.header_limit = options.max_header_bytes;
  http.body_limit = options.max_body_bytes;
  http.max_connections = options.max_connections;
  http.header_timeout = options.header_timeout;
  http.idle_timeout = options.idle_timeout;
  context->options = std::move(options);
  Context* raw = context.get();  // outlives the HTTP server it owns
  auto listening = net::HttpServer::listen(
      http,
      [raw](net::Request request, std::shared_ptr<net::Responder> responder) {
        handle(raw->shared_from_this(), std::move(request), std::move(responder));
      },
      [raw](const net::Request& request) { return check_head(*raw, request); },
      [](int status, const std::string& message) {
        return error_response({.status = status, .message = message, .code = "bad_http"}, random_id("req-"));
      });
  if (!listening) return std::unexpected(listening.error());
  context->http = std::move(*listening);
  context->http->start();
  return std::unique_ptr<Server>(new Server(std::move(context)));
}

Server::Server(std::shared_ptr<Context> context) : context_(std::move(context)) {}
Server::~Server() { context_->http->stop(); }

uint16_t Server::port() const { return context_->http->port(); }
void Server::set_load_progress(double fraction) { context_->load_fraction = fraction; }

void Server::attach(ModelHost& host) { context_->host = &host; }

void Server::attach(Engine& engine, std::vector<std::string> model_ids) {
  context_->own_host =
      ModelHost::of(engine, model_ids.empty() ? context_->options.model_ids : std::move(model_ids));
  attach(*context_->own_host);
}

void Server::shutdown() {
  context_->draining = true;
  if (ModelHost* host = context_->host) {
    std::optional<std::chrono::milliseconds> limit;
    if (double seconds = context_->options.drain_seconds; seconds > 0)
      limit = std::chrono::ceil<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
    host->drain(limit);
  }
  // What the engine has finished may still be on its way to the clients.
  context_->http->begin_drain();
  context_->http->wait_idle(std::chrono::seconds(10));
  context_->http->stop();
}

}  // namespace pingti
