// Serves a FakeEngine: fake_server [--pace MS] [--context N] [--batch N] [--load-seconds S] [--key KEY]
// [--host H] [--max-queue N] [--ping-ms N] [--body-limit N] [--header-timeout-ms N] [--connections N]
// [--drain-seconds S] [--cache-isolation on|off] [--max-wait-seconds S] [--prefill-rate TOKENS/S]
// [--lane-limits S,M] [--lane-queues S,M,L].
// Prints "listening on PORT", serves until SIGTERM, then drains.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "fake_engine.h"
#include "server/server.h"

int main(int argc, char** argv) {
  using namespace pingti;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  ServerOptions server;
  server.port = 0;
  FakeOptions fake;
  EngineOptions lanes;
  double load_seconds = 0;
  for (int i = 1; i + 1 < argc; i += 2) {
    std::string name = argv[i];
    const char* value = argv[i + 1];
    if (name == "--pace")
      fake.pace_ms = std::atof(value);
    else if (name == "--context")
      fake.context = std::atol(value);
    else if (name == "--batch")
      fake.max_batch = static_cast<size_t>(std::atol(value));
    else if (name == "--load-seconds")
      load_seconds = std::atof(value);
    else if (name == "--key")
      server.api_keys.push_back(value);
    else if (name == "--cache-isolation")
      server.cache_isolation = std::strcmp(value, "on") == 0 ? CacheIsolation::kOn : CacheIsolation::kOff;
    else if (name == "--host")
      server.host = value;
    else if (name == "--max-queue")
      server.max_queue = std::atol(value);
    else if (name == "--ping-ms")
      server.sse_ping = std::chrono::milliseconds(std::atol(value));
    else if (name == "--body-limit")
      server.max_body_bytes = static_cast<size_t>(std::atol(value));
    else if (name == "--header-timeout-ms")
      server.header_timeout = std::chrono::milliseconds(std::atol(value));
    else if (name == "--drain-seconds")
      server.drain_seconds = std::atof(value);
    else if (name == "--max-wait-seconds")
      server.max_wait_seconds = std::atof(value);
    else if (name == "--prefill-rate")
      fake.prefill_rate = std::atof(value);
    else if (name == "--lane-limits")
      lanes.lane_limits = value;
    else if (name == "--lane-queues")
      lanes.lane_queues = value;
    else if (name == "--connections")
      server.max_connections = static_cast<size_t>(std::atol(value));
    else
      return std::fprintf(stderr, "unknown option %s\n", argv[i]), 2;
  }
  auto parsed = parse_lanes(lanes);
  if (!parsed) return std::fprintf(stderr, "%s\n", parsed.error().to_string().c_str()), 1;
  fake.lanes = *parsed;
  auto engine = FakeEngine::create(fake);
  if (!engine) return std::fprintf(stderr, "%s\n", engine.error().to_string().c_str()), 1;
  auto running = Server::start(server);
  if (!running) return std::fprintf(stderr, "%s\n", running.error().to_string().c_str()), 1;
  std::printf("listening on %d\n", (*running)->port());
  std::fflush(stdout);
  std::this_thread::sleep_for(std::chrono::duration<double>(load_seconds));
  (*running)->attach(**engine);
  int signal = 0;
  sigwait(&signals, &signal);
  (*running)->shutdown();
  return 0;
}
