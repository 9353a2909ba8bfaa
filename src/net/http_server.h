// An HTTP/1.1 server: one coroutine per connection on a few I/O threads, handlers as plain functions.
//
// The Handler runs on an I/O thread and must be quick: longer work goes to run_on_worker(). It answers
// through its Responder, then or later, from any thread. A Responder that is dropped unanswered answers 500.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_message.h"

namespace pingti::net {

class Exchange;

// The answer to one request. Thread-safe. Either send() once, or start() then write() then finish().
class Responder {
 public:
  explicit Responder(std::shared_ptr<Exchange> exchange);
  Responder(const Responder&) = delete;
  ~Responder();

  void send(const Response& response);

  struct StreamOptions {
    std::chrono::milliseconds idle_interval{0};  // 0: never
    std::string idle_chunk;                      // written whenever nothing was written for that long
    std::chrono::milliseconds patience{0};       // expect_late(): how long before the first
  };
  void start(int status, const Headers& headers, StreamOptions options);
  // send() will come, but maybe late: if it has not after options.patience, the answer begins with status 200
  // and these headers, and idle chunks go out until it does. Then send() adds its body; if its status is not
  // 200, the answer ends cut off, which clients see as a failed transfer. Without effect on HTTP/1.0 and
  // HEAD.
  void expect_late(const Headers& headers, StreamOptions options);
  // False when the client has left; bytes are then dropped.
  bool write(std::string_view chunk);
  void finish();

  // Called once, from an I/O thread, if the client leaves before the answer is finished; at once if it has.
  void on_disconnect(std::function<void()> callback);
  bool disconnected() const;

 private:
  std::shared_ptr<Exchange> exchange_;
};

using Handler = std::function<void(Request, std::shared_ptr<Responder>)>;
// Sees a request before its body is read; an answer ends the request and the connection.
using HeadCheck = std::function<std::optional<Response>(const Request&)>;
// Writes the answer to a request that could not be read (400, 413, 431, ...).
using ErrorBody = std::function<Response(int status, const std::string& message)>;

struct HttpServerOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 8080;  // 0: any free port
  int io_threads = 2;
  int workers = 4;
  size_t header_limit = 32 << 10;
  size_t body_limit = 32 << 20;
  size_t max_connections = 1024;                    // further ones get 503
  std::chrono::milliseconds header_timeout{10000};  // from the first byte to the end of the header
  std::chrono::milliseconds body_timeout{30000};    // without a byte of the body
  std::chrono::milliseconds body_total{300000};     // for the whole body
  std::chrono::milliseconds idle_timeout{75000};    // between requests
  std::chrono::milliseconds write_timeout{60000};   // without progress
};

class HttpServer {
 public:
  // Takes the address; connections wait until start(). Errors: "net.address", "net.listen".
  static Result<std::unique_ptr<HttpServer>> listen(HttpServerOptions options, Handler handler,
                                                    HeadCheck head_check, ErrorBody error_body);
  HttpServer(const HttpServer&) = delete;
  ~HttpServer();  // stop()

  void start();  // once

  uint16_t port() const;
  size_t connections() const;

  // Runs work on the worker threads. After stop() it is dropped.
  void run_on_worker(std::function<void()> work);

  // Answers from now on close their connection, idle connections are closed.
  void begin_drain();
  // Waits until no request is being answered; false if that takes longer than `limit`.
  bool wait_idle(std::chrono::milliseconds limit);
  // Stops accepting, cuts what is left, ends the threads. Idempotent; not from a handler.
  void stop();

  struct State;

 private:
  explicit HttpServer(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

// True for addresses only this machine can reach: 127.0.0.0/8, ::1 and localhost.
bool is_loopback_host(const std::string& host);

}  // namespace pingti::net
