#include "net/exchange.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <utility>

namespace pingti::net {
namespace {

std::string http_date() {
  return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(std::time(nullptr)));
}

}  // namespace

std::string Exchange::head(int status, const Headers& headers, std::string_view framing) {
  if (draining_()) traits_.keep_alive = false;
  std::string text = fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\n", status, status_text(status), http_date());
  for (const auto& [name, value] : headers) text += fmt::format("{}: {}\r\n", name, value);
  text += framing;
  if (!traits_.keep_alive) {
    text += "Connection: close\r\n";
  } else if (traits_.http_1_0) {
    text += "Connection: keep-alive\r\n";
  }
  return text + "\r\n";
}

void Exchange::send(const Response& response) {
  {
    std::lock_guard lock(mutex_);
    if (gone_ || finished_) return;
    if (started_ && !late_) return;
    finished_ = true;
    if (started_) {
      append_chunk(response.body);
      cut_ = response.status != 200;
      if (!cut_) pending_ += "0\r\n\r\n";
    } else {
      started_ = true;
      bool bodiless = response.status == 204 || response.status == 304;
      pending_ += head(response.status, response.headers,
                       bodiless ? "" : fmt::format("Content-Length: {}\r\n", response.body.size()));
      if (!traits_.head_only && !bodiless) pending_ += response.body;
    }
    on_disconnect_ = nullptr;
  }
  wake_();
}

void Exchange::start(int status, const Headers& headers, Responder::StreamOptions options) {
  {
    std::lock_guard lock(mutex_);
    if (gone_ || started_) return;
    started_ = true;
    stream_ = std::move(options);
    chunked_ = !traits_.http_1_0;
    if (!chunked_) traits_.keep_alive = false;
    pending_ += head(status, headers, chunked_ ? "Transfer-Encoding: chunked\r\n" : "");
  }
  wake_();
}

void Exchange::expect_late(const Headers& headers, Responder::StreamOptions options) {
  {
    std::lock_guard lock(mutex_);
    if (gone_ || started_ || traits_.http_1_0 || traits_.head_only || options.patience.count() <= 0) return;
    late_ = true;
    late_headers_ = headers;
    stream_ = std::move(options);
  }
  wake_();
}

void Exchange::append_chunk(std::string_view chunk) {
  if (traits_.head_only || chunk.empty()) return;
  if (!chunked_) {
    pending_ += chunk;
    return;
  }
  fmt::format_to(std::back_inserter(pending_), "{:x}\r\n", chunk.size());
  pending_ += chunk;
  pending_ += "\r\n";
}

bool Exchange::write(std::string_view chunk) {
  {
    std::lock_guard lock(mutex_);
    if (gone_) return false;
    if (!started_ || finished_) return true;
    append_chunk(chunk);
  }
  wake_();
  return true;
}

void Exchange::finish() {
  {
    std::lock_guard lock(mutex_);
    if (gone_ || !started_ || finished_) return;
    finished_ = true;
    if (chunked_ && !traits_.head_only) pending_ += "0\r\n\r\n";
    on_disconnect_ = nullptr;
  }
  wake_();
}

void Exchange::on_disconnect(std::function<void()> callback) {
  {
    std::lock_guard lock(mutex_);
    if (finished_ && !gone_) return;
    if (!gone_) {
      on_disconnect_ = std::move(callback);
      return;
    }
  }
  callback();
}

bool Exchange::gone() const {
  std::lock_guard lock(mutex_);
  return gone_;
}

void Exchange::abandon() {
  bool unanswered;
  {
    std::lock_guard lock(mutex_);
    if (gone_ || finished_) return;
    unanswered = !started_;
    if (!unanswered) finished_ = cut_ = true;
  }
  if (unanswered) return send({500, {{"Content-Type", "text/plain"}}, "The request was dropped.\n"});
  wake_();
}

Exchange::Taken Exchange::take() {
  std::lock_guard lock(mutex_);
  return {std::exchange(pending_, {}), finished_};
}

void Exchange::mark_gone() {
  std::function<void()> callback;
  {
    std::lock_guard lock(mutex_);
    if (gone_) return;
    gone_ = true;
    pending_.clear();
    callback = std::exchange(on_disconnect_, nullptr);
  }
  if (callback) callback();
}

bool Exchange::keep_alive() const {
  std::lock_guard lock(mutex_);
  return traits_.keep_alive && !cut_ && !gone_;
}

std::chrono::milliseconds Exchange::idle_interval() const {
  std::lock_guard lock(mutex_);
  if (finished_) return std::chrono::milliseconds(0);
  if (!started_) return late_ ? stream_.patience : std::chrono::milliseconds(0);
  return stream_.idle_interval;
}

void Exchange::write_idle() {
  std::lock_guard lock(mutex_);
  if (gone_ || finished_) return;
  if (late_ && !started_) {
    started_ = chunked_ = true;
    pending_ += head(200, late_headers_, "Transfer-Encoding: chunked\r\n");
  }
  if (started_) append_chunk(stream_.idle_chunk);
}

void Responder::expect_late(const Headers& headers, StreamOptions options) {
  exchange_->expect_late(headers, std::move(options));
}

Responder::Responder(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
Responder::~Responder() { exchange_->abandon(); }
void Responder::send(const Response& response) { exchange_->send(response); }
void Responder::start(int status, const Headers& headers, StreamOptions options) {
  exchange_->start(status, headers, std::move(options));
}
bool Responder::write(std::string_view chunk) { return exchange_->write(chunk); }
void Responder::finish() { exchange_->finish(); }
void Responder::on_disconnect(std::function<void()> callback) {
  exchange_->on_disconnect(std::move(callback));
}
bool Responder::disconnected() const { return exchange_->gone(); }

}  // namespace pingti::net
