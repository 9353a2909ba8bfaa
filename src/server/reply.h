// The answer to one HTTP request: adds the headers all answers share, counts and logs it when it is done.
// Thread-safe as Responder is, but one thread at a time answers.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/http_server.h"
#include "server/context.h"
#include "wire/api_error.h"
#include "wire/json.h"

namespace pingti {

// X-Request-Id as sent, if it is short and printable, or a new one.
std::string request_id_of(const net::Request& request);
// `prefix` and 24 random letters and digits.
std::string random_id(std::string_view prefix);

// How an endpoint writes an error: the body.
using ErrorShape = wire::Json (*)(const wire::ApiError& error, const std::string& request_id);
wire::Json openai_error(const wire::ApiError& error, const std::string& request_id);

net::Response error_response(const wire::ApiError& error, const std::string& request_id,
                             ErrorShape shape = openai_error);

class Reply {
 public:
  Reply(std::shared_ptr<Context> context, std::shared_ptr<net::Responder> responder,
        const net::Request& request, std::string route, ErrorShape error_shape = openai_error);
  Reply(const Reply&) = delete;
  ~Reply();

  const std::string& request_id() const { return record_.request_id; }
  std::chrono::steady_clock::time_point arrived() const { return arrived_; }

  void send(int status, std::string content_type, std::string body, const net::Headers& further = {});
  void json(int status, const wire::Json& body);
  void error(const wire::ApiError& error);
  void respond(const net::Response& response);

  // The answer will be JSON, but may take long: see ServerOptions::late_after.
  void expect_late_json();
  void start_events(std::string keep_alive);  // a stream of server-sent events
  bool write(std::string_view event_text);    // false: the client has left
  void finish();

  void on_disconnect(std::function<void()> callback) { responder_->on_disconnect(std::move(callback)); }

 private:
  std::shared_ptr<Context> context_;
  std::shared_ptr<net::Responder> responder_;
  std::string route_;
  ErrorShape error_shape_;
  AccessRecord record_;
  std::chrono::steady_clock::time_point arrived_;
};

}  // namespace pingti
