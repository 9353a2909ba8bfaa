#include "server/reply.h"

#include <algorithm>
#include <random>

namespace pingti {
namespace {

net::Headers common_headers(const std::string& request_id, std::string content_type) {
  return {{"Content-Type", std::move(content_type)},
          {"X-Request-Id", request_id},
          {"X-Content-Type-Options", "nosniff"},
          {"Cache-Control", "no-store"}};
}

constexpr const char* kJson = "application/json";

}  // namespace

std::string random_id(std::string_view prefix) {
  static constexpr std::string_view kLetters =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  static thread_local std::mt19937_64 random{std::random_device{}()};
  std::string id(prefix);
  for (int i = 0; i < 24; ++i) id += kLetters[random() % kLetters.size()];
  return id;
}

std::string request_id_of(const net::Request& request) {
  std::string_view given = request.headers.get("X-Request-Id");
  bool usable = !given.empty() && given.size() <= 128 &&
                std::ranges::all_of(given, [](unsigned char c) { return c > 0x20 && c < 0x7F; });
  return usable ? std::string(given) : random_id("req-");
}

wire::Json openai_error(const wire::ApiError& error, const std::string&) { return wire::error_body(error); }

net::Response error_response(const wire::ApiError& error, const std::string& request_id, ErrorShape shape) {
  net::Response response{error.status, common_headers(request_id, kJson),
                         wire::to_text(shape(error, request_id))};
  if (error.retry_after_seconds > 0)
    response.headers.add("Retry-After", std::to_string(error.retry_after_seconds));
  if (error.status == 401) response.headers.add("WWW-Authenticate", "Bearer");
  return response;
}

Reply::Reply(std::shared_ptr<Context> context, std::shared_ptr<net::Responder> responder,
             const net::Request& request, std::string route, ErrorShape error_shape)
    : context_(std::move(context)),
      responder_(std::move(responder)),
      route_(std::move(route)),
      error_shape_(error_shape),
      record_{request_id_of(request), request.peer, request.method, request.target, 0, 0},
      arrived_(std::chrono::steady_clock::now()) {}

Reply::~Reply() {
  record_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - arrived_).count();
  if (responder_->disconnected()) record_.status = 499;
  if (record_.status == 0) record_.status = 500;
  context_->metrics.http_request(route_, record_.method, record_.status, record_.seconds);
  if (context_->options.on_access) context_->options.on_access(record_);
}

void Reply::send(int status, std::string content_type, std::string body, const net::Headers& further) {
  net::Response response{status, common_headers(record_.request_id, std::move(content_type)),
                         std::move(body)};
  for (const auto& [name, value] : further) response.headers.add(name, value);
  respond(response);
}

void Reply::json(int status, const wire::Json& body) { send(status, kJson, wire::to_text(body)); }

void Reply::error(const wire::ApiError& error) {
  respond(error_response(error, record_.request_id, error_shape_));
}

void Reply::respond(const net::Response& response) {
  record_.status = response.status;
  responder_->send(response);
}

void Reply::expect_late_json() {
  const ServerOptions& options = context_->options;
  responder_->expect_late(common_headers(record_.request_id, kJson),
                          {options.sse_ping, "\n", options.late_after});
}

void Reply::start_events(std::string keep_alive) {
  record_.status = 200;
  net::Headers headers = common_headers(record_.request_id, "text/event-stream; charset=utf-8");
  headers.add("X-Accel-Buffering", "no");
  responder_->start(200, headers, {context_->options.sse_ping, std::move(keep_alive)});
}

bool Reply::write(std::string_view event_text) { return responder_->write(event_text); }
void Reply::finish() { responder_->finish(); }

}  // namespace pingti
