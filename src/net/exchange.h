// One request's answer on its way from any thread to the connection's coroutine.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "net/http_server.h"

namespace pingti::net {

// What the answer needs to know of its request and connection.
struct ExchangeTraits {
  bool head_only = false;  // HEAD: headers without the body
  bool keep_alive = true;  // of the request
  bool http_1_0 = false;   // no chunked encoding
};

class Exchange {
 public:
  // `wake` tells the connection that there is something to take; called from any thread, outside the lock.
  // `draining` is asked when the header is written.
  Exchange(ExchangeTraits traits, std::function<void()> wake, std::function<bool()> draining)
      : traits_(traits), wake_(std::move(wake)), draining_(std::move(draining)) {}

  // The handler's side.
  void send(const Response& response);
  void start(int status, const Headers& headers, Responder::StreamOptions options);
  void expect_late(const Headers& headers, Responder::StreamOptions options);
  bool write(std::string_view chunk);
  void finish();
  void on_disconnect(std::function<void()> callback);
  bool gone() const;
  void abandon();

  // The connection's side.
  struct Taken {
    std::string bytes;
    bool finished = false;  // nothing follows
  };
  Taken take();
  void mark_gone();
  bool keep_alive() const;  // valid when finished
  std::chrono::milliseconds idle_interval() const;
  void write_idle();

 private:
  std::string head(int status, const Headers& headers, std::string_view framing);
  void append_chunk(std::string_view chunk);

  ExchangeTraits traits_;
  std::function<void()> wake_;
  std::function<bool()> draining_;
  mutable std::mutex mutex_;
  std::string pending_;
  std::function<void()> on_disconnect_;
  Responder::StreamOptions stream_;
  Headers late_headers_;
  bool late_ = false;  // expect_late() was called, and holds
  bool started_ = false;
  bool finished_ = false;
  bool chunked_ = false;
  bool gone_ = false;
  bool cut_ = false;  // the stream ended without its end: close the connection
};

}  // namespace pingti::net
