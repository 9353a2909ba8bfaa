#include "net/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>

namespace pingti::net {
namespace {

using std::chrono::milliseconds;

// A blocking client socket.
class Client {
 public:
  explicit Client(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    timeval limit{5, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  ~Client() { close(); }
  bool connected() const { return connected_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
  }
  // Reads until `end` was seen or the peer closed.
  std::string read_until(std::string_view end) {
    std::string text;
    char buffer[4096];
    while (text.find(end) == std::string::npos) {
      ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
      if (n <= 0) break;
      text.append(buffer, static_cast<size_t>(n));
    }
    return text;
  }
  std::string read_all() { return read_until("\x01never\x01"); }

 private:
  int fd_;
  bool connected_ = false;
};

std::unique_ptr<HttpServer> serve(Handler handler, HttpServerOptions options = {}) {
  options.port = 0;
  auto server = HttpServer::listen(
      options, std::move(handler),
      [](const Request& request) -> std::optional<Response> {
        if (request.path == "/refused") return Response{401, {}, "no"};
        return std::nullopt;
      },
      [](int status, const std::string& message) { return Response{status, {}, message}; });
  EXPECT_TRUE(server.has_value());
  (*server)->start();
  return std::move(*server);
}

void echo(const Request& request, const std::shared_ptr<Responder>& responder) {
  responder->send({200, {{"X-Path", request.path}}, request.method + ":" + request.body});
}

TEST(HttpServer, AnswersSeveralRequestsOnOneConnection) {
  auto server = serve(echo);
  Client client(server->port());
  for (int i = 0; i < 3; ++i) {
    client.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi");
    std::string text = client.read_until("POST:hi");
    EXPECT_NE(text.find("200 OK"), std::string::npos) << text;
    EXPECT_NE(text.find("X-Path: /a"), std::string::npos);
  }
  client.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  std::string both = client.read_all();
  EXPECT_NE(both.find("X-Path: /1"), std::string::npos) << both;
  EXPECT_NE(both.find("X-Path: /2"), std::string::npos) << both;
}

TEST(HttpServer, HeadGetsTheHeaderOnly) {
  auto server = serve(echo);
  Client client(server->port());
  client.send("HEAD /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  std::string text = client.read_all();
  EXPECT_NE(text.find("Content-Length: 5"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("\r\n\r\n")) << text;
}

TEST(HttpServer, StreamsChunksFromAnotherThreadWithIdleComments) {
  auto server = serve([](const Request&, const std::shared_ptr<Responder>& responder) {
    std::thread([responder] {
      responder->start(200, {}, {milliseconds(30), ": idle\n"});
      std::this_thread::sleep_for(milliseconds(100));
      for (int i = 0; i < 3; ++i) responder->write("part" + std::to_string(i));
      responder->finish();
    }).detach();
  });
  Client client(server->port());
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  std::string text = client.read_until("0\r\n\r\n");
  EXPECT_NE(text.find("7\r\n: idle\n\r\n"), std::string::npos) << text;
  EXPECT_NE(text.find("5\r\npart0\r\n5\r\npart1\r\n5\r\npart2\r\n0\r\n\r\n"), std::string::npos) << text;
  Client old(server->port());
  old.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(old.read_all().ends_with("part0part1part2"));
}

// Answers after a wait that /late asks for, with the status that the path ends in.
void answer_late(const Request& request, const std::shared_ptr<Responder>& responder) {
  const bool late = request.path.starts_with("/late");
  const int status = request.path.ends_with("200") ? 200 : 500;
  responder->expect_late({{"X-Late", "yes"}}, {milliseconds(20), "\n", milliseconds(late ? 20 : 5000)});
  std::thread([responder, late, status] {
    if (late) std::this_thread::sleep_for(milliseconds(150));
    responder->send({status, {}, "body"});
  }).detach();
}

TEST(HttpServer, AnExpectedLateAnswerBeginsWithIdleChunks) {
  auto server = serve(answer_late);
  Client client(server->port());
  client.send("GET /late/200 HTTP/1.1\r\nHost: h\r\n\r\n");
  std::string text = client.read_until("0\r\n\r\n");
  EXPECT_TRUE(text.starts_with("HTTP/1.1 200 OK")) << text;
  EXPECT_NE(text.find("X-Late: yes"), std::string::npos) << text;
  EXPECT_NE(text.find("1\r\n\n\r\n1\r\n\n\r\n"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("4\r\nbody\r\n0\r\n\r\n")) << text;
  client.send("GET /200 HTTP/1.1\r\nHost: h\r\n\r\n");  // the connection goes on
  text = client.read_until("body");
  EXPECT_NE(text.find("Content-Length: 4"), std::string::npos) << text;
}

TEST(HttpServer, AnErrorKeepsItsStatusUnlessItIsLate) {
  auto server = serve(answer_late);
  Client quick(server->port());
  quick.send("GET /500 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(quick.read_until("body").starts_with("HTTP/1.1 500"));
  Client late(server->port());
  late.send("GET /late/500 HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string text = late.read_all();  // cut: without the last chunk
  EXPECT_TRUE(text.starts_with("HTTP/1.1 200 OK") && text.ends_with("4\r\nbody\r\n")) << text;
  Client old(server->port());
  old.send("GET /late/500 HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(old.read_all().starts_with("HTTP/1.1 500"));
}

TEST(HttpServer, TellsTheHandlerThatTheClientLeft) {
  std::promise<void> left;
  std::shared_ptr<Responder> kept;
  std::promise<void> asked;
  auto server = serve([&](const Request&, const std::shared_ptr<Responder>& responder) {
    kept = responder;
    responder->on_disconnect([&] { left.set_value(); });
    asked.set_value();
  });
  Client client(server->port());
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  asked.get_future().wait();
  EXPECT_FALSE(kept->disconnected());
  client.close();
  EXPECT_EQ(left.get_future().wait_for(std::chrono::seconds(2)), std::future_status::ready);
  EXPECT_FALSE(kept->write("late"));
  kept.reset();
}

TEST(HttpServer, ADroppedResponderAnswers500) {
  auto server = serve([](const Request&, const std::shared_ptr<Responder>&) {});
  Client client(server->port());
  client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_NE(client.read_all().find("500 Internal"), std::string::npos);
}

TEST(HttpServer, RefusesBeforeReadingTheBody) {
  HttpServerOptions options;
  options.body_limit = 1000;
  auto server = serve(echo, options);
  Client unauthorized(server->port());
  unauthorized.send("POST /refused HTTP/1.1\r\nHost: h\r\nContent-Length: 900\r\n\r\n");
  EXPECT_NE(unauthorized.read_all().find("401 Unauthorized"), std::string::npos);
  Client large(server->port());
  large.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + std::string(100000, 'x'));
  EXPECT_NE(large.read_all().find("413"), std::string::npos);
  Client malformed(server->port());
  malformed.send("\x16\x03\x01\r\n\r\n");
  EXPECT_NE(malformed.read_all().find("400 Bad"), std::string::npos);
}

TEST(HttpServer, Says100ContinueWhenAsked) {
  auto server = serve(echo);
  Client client(server->port());
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_NE(client.read_until("100 Continue\r\n\r\n").find("100 Continue"), std::string::npos);
  client.send("ok");
  EXPECT_NE(client.read_until("POST:ok").find("200 OK"), std::string::npos);
}

TEST(HttpServer, ClosesSlowAndIdleConnections) {
  HttpServerOptions options;
  options.header_timeout = milliseconds(100);
  options.idle_timeout = milliseconds(100);
  options.body_timeout = milliseconds(100);
  auto server = serve(echo, options);
  auto took = [&](std::string_view bytes) {
    Client client(server->port());
    client.send(bytes);
    auto start = std::chrono::steady_clock::now();
    client.read_all();
    return std::chrono::steady_clock::now() - start;
  };
  EXPECT_LT(took(""), milliseconds(2000));
  EXPECT_LT(took("GET / HT"), milliseconds(2000));
  EXPECT_LT(took("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab"), milliseconds(2000));
}

TEST(HttpServer, LimitsConnections) {
  HttpServerOptions options;
  options.max_connections = 1;
  auto server = serve(echo, options);
  Client first(server->port());
  first.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  first.read_until("GET:");
  Client second(server->port());
  EXPECT_NE(second.read_all().find("503"), std::string::npos);
  first.close();
  for (int i = 0; i < 100 && server->connections() > 0; ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_EQ(server->connections(), 0u);
}

TEST(HttpServer, DrainFinishesRunningAnswersAndClosesIdleConnections) {
  std::shared_ptr<Responder> kept;
  std::promise<void> asked;
  auto server = serve([&](const Request&, const std::shared_ptr<Responder>& responder) {
    kept = responder;
    asked.set_value();
  });
  Client idle(server->port());
  Client busy(server->port());
  busy.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  asked.get_future().wait();
  server->begin_drain();
  EXPECT_FALSE(server->wait_idle(milliseconds(50)));
  kept->send({200, {}, "done"});
  std::string text = busy.read_all();
  EXPECT_TRUE(text.ends_with("done")) << text;
  EXPECT_NE(text.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(server->wait_idle(milliseconds(1000)));
  server->stop();
  EXPECT_EQ(server->connections(), 0u);
  EXPECT_FALSE(Client(server->port()).connected());
}

TEST(HttpServer, StopCutsRunningAnswers) {
  std::shared_ptr<Responder> kept;
  std::promise<void> asked;
  auto server = serve([&](const Request&, const std::shared_ptr<Responder>& responder) {
    kept = responder;
    responder->start(200, {}, {});
    asked.set_value();
  });
  Client client(server->port());
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  asked.get_future().wait();
  server->stop();
  EXPECT_FALSE(kept->write("x"));
  server.reset();
  kept.reset();  // outliving the server is allowed
}

TEST(HttpServer, RefusesAddressesThatAreNotOurs) {
  HttpServerOptions options;
  options.host = "203.0.113.1";
  auto server = HttpServer::listen(options, echo, nullptr, nullptr);
  ASSERT_FALSE(server.has_value());
  EXPECT_EQ(server.error().code, "net.listen");
}

TEST(IsLoopbackHost, KnowsLoopback) {
  EXPECT_TRUE(is_loopback_host("127.0.0.1"));
  EXPECT_TRUE(is_loopback_host("127.8.0.1"));
  EXPECT_TRUE(is_loopback_host("::1"));
  EXPECT_TRUE(is_loopback_host("localhost"));
  EXPECT_FALSE(is_loopback_host("0.0.0.0"));
  EXPECT_FALSE(is_loopback_host("::"));
  EXPECT_FALSE(is_loopback_host("example.org"));
}

}  // namespace
}  // namespace pingti::net
