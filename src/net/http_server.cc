#include "net/http_server.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <atomic>
#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "base/check.h"
#include "net/exchange.h"
#include "net/request_reader.h"

namespace pingti::net {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using namespace asio::experimental::awaitable_operators;

namespace {
constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
constexpr size_t kReadBytes = 16 << 10;
// Bytes kept while a request is answered (pipelining) or a line is incomplete (chunk extensions).
constexpr size_t kPendingLimit = 64 << 10;
class Connection;
}  // namespace

struct HttpServer::State : std::enable_shared_from_this<HttpServer::State> {
  State(HttpServerOptions o, Handler h, HeadCheck c, ErrorBody e)
      : options(std::move(o)),
        handler(std::move(h)),
        head_check(std::move(c)),
        error_body(std::move(e)),
        io(options.io_threads),
        accept_strand(asio::make_strand(io)),
        acceptor(accept_strand),
        workers(static_cast<size_t>(options.workers)) {}

  HttpServerOptions options;
  Handler handler;
  HeadCheck head_check;
  ErrorBody error_body;
  asio::io_context io;
  asio::strand<asio::io_context::executor_type> accept_strand;
  tcp::acceptor acceptor;
  asio::thread_pool workers;
  std::vector<std::thread> threads;
  std::atomic<bool> draining{false};
  std::atomic<bool> stopped{false};
  uint16_t port = 0;

  std::mutex mutex;
  std::condition_variable idle;
  std::set<Connection*> connections;
  size_t answering = 0;  // requests between their header and the last byte of their answer

  asio::awaitable<void> accept_loop();
  void refuse(tcp::socket socket);
  void answering_changed(int by);
  std::vector<std::shared_ptr<Connection>> open_connections();
};

namespace {

// A connection and its coroutine. Everything runs on the strand of its socket.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<HttpServer::State> server, tcp::socket socket)
      : server_(std::move(server)),
        socket_(std::move(socket)),
        wake_(socket_.get_executor()),
        watchdog_(socket_.get_executor()) {
    std::lock_guard lock(server_->mutex);
    server_->connections.insert(this);
  }
  ~Connection() {
    std::lock_guard lock(server_->mutex);
    server_->connections.erase(this);
  }

  void start() {
    error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    auto end = socket_.remote_endpoint(ignored);
    if (!ignored) peer_ = fmt::format("{}:{}", end.address().to_string(), end.port());
    asio::co_spawn(socket_.get_executor(), serve(shared_from_this()), asio::detached);
    asio::co_spawn(socket_.get_executor(), watch_deadline(shared_from_this()), asio::detached);
  }

  // From any thread. only_idle: a request being read or answered keeps its connection.
  void close_soon(bool only_idle) {
    asio::post(socket_.get_executor(), [self = shared_from_this(), only_idle] {
      if (!only_idle || self->idle_) self->close();
    });
  }

  void wake_soon() {
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->wake_.cancel(); });
  }

 private:
  void close() {
    error_code ignored;
    closed_ = true;
    socket_.close(ignored);
    wake_.cancel();
    watchdog_.cancel();
  }

  void set_deadline(Clock::time_point deadline) {
    deadline_ = deadline;
    if (deadline < watchdog_.expiry()) watchdog_.expires_at(deadline);
  }
  void set_deadline(std::chrono::milliseconds from_now) { set_deadline(Clock::now() + from_now); }
  void clear_deadline() { deadline_ = Clock::time_point::max(); }

  // Closes the socket when the deadline has passed, which ends whatever the connection waits for.
  asio::awaitable<void> watch_deadline(std::shared_ptr<Connection> self) {
    while (!closed_) {
      if (Clock::now() >= deadline_) {
        close();
        break;
      }
      watchdog_.expires_at(std::min(deadline_, Clock::now() + std::chrono::seconds(30)));
      co_await watchdog_.async_wait(kNoThrow);
    }
  }

  asio::awaitable<void> serve(std::shared_ptr<Connection> self) {
    while (!closed_) {
      RequestReader reader({server_->options.header_limit, server_->options.body_limit});
      Outcome outcome = co_await read_request(reader);
      if (outcome == Outcome::kClosed) break;
      if (outcome == Outcome::kRefused) {
        co_await linger();
        break;
      }
      bool keep = co_await answer(reader);
      if (!keep || server_->draining) break;
    }
    if (!closed_) {
      error_code ignored;
      socket_.shutdown(tcp::socket::shutdown_both, ignored);
      close();
    }
  }

  enum class Outcome { kRead, kRefused, kClosed };

  asio::awaitable<Outcome> read_request(RequestReader& reader) {
    const auto& options = server_->options;
    idle_ = buffer_.empty();
    if (idle_ && server_->draining && served_) co_return Outcome::kClosed;
    set_deadline(idle_ ? options.idle_timeout : options.header_timeout);
    bool head_seen = false;
    Clock::time_point body_end;
    while (true) {
      if (!buffer_.empty()) {
        buffer_.erase(0, reader.feed(buffer_));
        if (reader.error()) {
          co_await refuse(server_->error_body(reader.error()->status, reader.error()->message));
          co_return Outcome::kRefused;
        }
        if (reader.header_done() && !head_seen) {
          head_seen = true;
          body_end = Clock::now() + options.body_total;
          if (auto refusal = server_->head_check(reader.head())) {
            co_await refuse(std::move(*refusal), reader.head().method == "HEAD");
            co_return Outcome::kRefused;
          }
          if (!reader.done() && reader.expects_continue()) {
            if (!co_await write("HTTP/1.1 100 Continue\r\n\r\n")) co_return Outcome::kClosed;
          }
        }
        if (reader.done()) break;
        if (buffer_.size() > kPendingLimit && head_seen) {
          co_await refuse(server_->error_body(400, "A line of the chunked body is too long."));
          co_return Outcome::kRefused;
        }
      }
      if (head_seen) set_deadline(std::min(body_end, Clock::now() + options.body_timeout));
      if (!co_await read_more()) co_return Outcome::kClosed;
      if (std::exchange(idle_, false)) set_deadline(options.header_timeout);
    }
    clear_deadline();
    co_return Outcome::kRead;
  }

  asio::awaitable<bool> read_more() {
    size_t had = buffer_.size();
    buffer_.resize(had + kReadBytes);
    auto [code, count] =
        co_await socket_.async_read_some(asio::buffer(buffer_.data() + had, kReadBytes), kNoThrow);
    buffer_.resize(had + count);
    co_return !code;
  }

  asio::awaitable<bool> write(std::string_view bytes) {
    while (!bytes.empty()) {
      set_deadline(server_->options.write_timeout);
      auto [code, count] = co_await socket_.async_write_some(asio::buffer(bytes), kNoThrow);
      if (code) co_return false;
      bytes.remove_prefix(count);
    }
    clear_deadline();
    co_return true;
  }

  asio::awaitable<void> refuse(Response response, bool head_only = false) {
    Exchange exchange({.head_only = head_only, .keep_alive = false}, [] {}, [] { return true; });
    exchange.send(response);
    std::string bytes = exchange.take().bytes;
    co_await write(bytes);
  }

  // Reads away what the client still sends, so that closing does not destroy the answer under way to it.
  asio::awaitable<void> linger() {
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    set_deadline(std::chrono::milliseconds(2000));
    size_t budget = 256u << 20;
    std::vector<char> sink(64 << 10);
    while (true) {
      auto [code, count] = co_await socket_.async_read_some(asio::buffer(sink), kNoThrow);
      if (code || count > budget) break;
      budget -= count;
    }
  }

  asio::awaitable<bool> answer(RequestReader& reader) {
    served_ = true;
    std::weak_ptr<Connection> weak = weak_from_this();
    auto exchange = std::make_shared<Exchange>(
        ExchangeTraits{reader.head().method == "HEAD", reader.keep_alive(), reader.is_http_1_0()},
        [weak] {
          if (auto self = weak.lock()) self->wake_soon();
        },
        [server = std::weak_ptr(server_)] {
          auto state = server.lock();
          return !state || state->draining;
        });
    Request request = reader.take();
    request.peer = peer_;
    server_->answering_changed(+1);
    try {
      server_->handler(std::move(request), std::make_shared<Responder>(exchange));
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
      // Memory ran out: the dropped Responder has answered 500.
    }
    co_await (write_answer(*exchange) || watch_client(*exchange));
    bool keep = exchange->keep_alive() && exchange->take().finished && !closed_;
    if (!whole_) exchange->mark_gone();
    server_->answering_changed(-1);
    co_return keep&& std::exchange(whole_, false);
  }

  asio::awaitable<void> write_answer(Exchange& exchange) {
    whole_ = false;
    while (true) {
      Exchange::Taken taken = exchange.take();
      if (!taken.bytes.empty() && !co_await write(taken.bytes)) co_return;
      if (taken.finished) {
        whole_ = true;
        co_return;
      }
      if (!taken.bytes.empty()) continue;
      auto interval = exchange.idle_interval();
      wake_.expires_at(interval.count() > 0 ? Clock::now() + interval : Clock::time_point::max());
      auto [code] = co_await wake_.async_wait(kNoThrow);
      if (!code) exchange.write_idle();
      if (closed_) co_return;
    }
  }

  // Ends when the client closes its side; meanwhile it keeps what the client sends ahead.
  asio::awaitable<void> watch_client(Exchange& exchange) {
    while (buffer_.size() < kPendingLimit) {
      if (!co_await read_more()) co_return;
    }
    asio::steady_timer never(socket_.get_executor(), Clock::time_point::max());
    co_await never.async_wait(kNoThrow);
  }

  std::shared_ptr<HttpServer::State> server_;
  tcp::socket socket_;
  asio::steady_timer wake_;
  asio::steady_timer watchdog_;
  Clock::time_point deadline_ = Clock::time_point::max();
  std::string buffer_;
  std::string peer_;
  bool idle_ = false;    // between requests
  bool served_ = false;  // at least one request
  bool whole_ = false;   // the answer was written to its end
  bool closed_ = false;
};

}  // namespace

asio::awaitable<void> HttpServer::State::accept_loop() {
  while (acceptor.is_open()) {
    auto [code, socket] = co_await acceptor.async_accept(asio::make_strand(io), kNoThrow);
    if (!acceptor.is_open()) break;
    if (code) {  // out of descriptors, or a client that left already
      asio::steady_timer pause(co_await asio::this_coro::executor, std::chrono::milliseconds(50));
      co_await pause.async_wait(kNoThrow);
      continue;
    }
    size_t open;
    {
      std::lock_guard lock(mutex);
      open = connections.size();
    }
    if (open >= options.max_connections) {
      refuse(std::move(socket));
    } else {
      std::make_shared<Connection>(shared_from_this(), std::move(socket))->start();
    }
  }
}

void HttpServer::State::refuse(tcp::socket socket) {
  Exchange exchange({.keep_alive = false}, [] {}, [] { return true; });
  exchange.send(error_body(503, "Too many connections are open."));
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(exchange.take().bytes), ignored);
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

void HttpServer::State::answering_changed(int by) {
  std::lock_guard lock(mutex);
  answering += static_cast<size_t>(by);
  if (answering == 0) idle.notify_all();
}

std::vector<std::shared_ptr<Connection>> HttpServer::State::open_connections() {
  std::lock_guard lock(mutex);
  std::vector<std::shared_ptr<Connection>> open;
  for (Connection* connection : connections) {
    if (auto alive = connection->weak_from_this().lock()) open.push_back(std::move(alive));
  }
  return open;
}

namespace {

Result<tcp::endpoint> resolve(asio::io_context& io, const HttpServerOptions& options) {
  error_code code;
  auto address = asio::ip::make_address(options.host, code);
  if (!code) return tcp::endpoint(address, options.port);
  tcp::resolver resolver(io);
  auto found = resolver.resolve(options.host, "", code);
  if (code || found.empty()) {
    return fail(ErrorKind::kInvalid, "net.address",
                fmt::format("cannot listen on host \"{}\": {}", options.host, code.message()),
                "give an address of this machine, such as 127.0.0.1 or 0.0.0.0");
  }
  for (const auto& entry : found) {
    if (entry.endpoint().address().is_v4()) return tcp::endpoint(entry.endpoint().address(), options.port);
  }
  return tcp::endpoint(found.begin()->endpoint().address(), options.port);
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::listen(HttpServerOptions options, Handler handler,
                                                       HeadCheck head_check, ErrorBody error_body) {
  auto state = std::make_shared<State>(std::move(options), std::move(handler), std::move(head_check),
                                       std::move(error_body));
  PT_TRY(tcp::endpoint endpoint, resolve(state->io, state->options));
  error_code code;
  auto& acceptor = state->acceptor;
  acceptor.open(endpoint.protocol(), code);
  if (!code) acceptor.set_option(tcp::acceptor::reuse_address(true), code);
  if (!code) acceptor.bind(endpoint, code);
  if (!code) acceptor.listen(asio::socket_base::max_listen_connections, code);
  if (code) {
    return fail(
        ErrorKind::kIo, "net.listen",
        fmt::format("cannot listen on {}:{}: {}", state->options.host, state->options.port, code.message()),
        "another program may hold the port; --port chooses one, 0 takes any that is free");
  }
  state->port = acceptor.local_endpoint().port();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(state)));
}

HttpServer::HttpServer(std::shared_ptr<State> state) : state_(std::move(state)) {}

void HttpServer::start() {
  auto accept = [state = state_]() { return state->accept_loop(); };
  asio::co_spawn(state_->accept_strand, accept, asio::detached);
  for (int i = 0; i < state_->options.io_threads; ++i) {
    state_->threads.emplace_back([state = state_] { state->io.run(); });
  }
}

// NOLINTNEXTLINE(bugprone-exception-escape): without memory to stop with, the process ends.
HttpServer::~HttpServer() { stop(); }

uint16_t HttpServer::port() const { return state_->port; }

size_t HttpServer::connections() const {
  std::lock_guard lock(state_->mutex);
  return state_->connections.size();
}

void HttpServer::run_on_worker(std::function<void()> work) {
  if (!state_->stopped) asio::post(state_->workers, std::move(work));
}

void HttpServer::begin_drain() {
  state_->draining = true;
  for (const auto& connection : state_->open_connections()) connection->close_soon(/*only_idle=*/true);
}

bool HttpServer::wait_idle(std::chrono::milliseconds limit) {
  std::unique_lock lock(state_->mutex);
  return state_->idle.wait_for(lock, limit, [&] { return state_->answering == 0; });
}

void HttpServer::stop() {
  if (state_->stopped.exchange(true)) return;
  state_->draining = true;
  asio::post(state_->accept_strand, [state = state_] {
    error_code ignored;
    state->acceptor.close(ignored);
  });
  // A connection accepted while we look is found in the next round.
  auto give_up = Clock::now() + std::chrono::seconds(5);
  do {
    for (const auto& connection : state_->open_connections()) connection->close_soon(/*only_idle=*/false);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  } while (connections() > 0 && Clock::now() < give_up);
  state_->workers.stop();
  state_->workers.join();
  state_->io.stop();
  for (std::thread& thread : state_->threads) thread.join();
}

bool is_loopback_host(const std::string& host) {
  if (same_ignoring_case(host, "localhost")) return true;
  error_code code;
  auto address = asio::ip::make_address(host, code);
  return !code && address.is_loopback();
}

}  // namespace pingti::net
