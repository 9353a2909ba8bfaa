// Serves a FakeEngine: fake_server [--pace MS] [--context N] [--batch N] [--load-seconds S] [--key KEY]
// [--host H] [--max-queue N] [--ping-ms N] [--late-ms N] [--body-limit N] [--header-timeout-ms N] [--connections N]
// [--drain-seconds S] [--cache-isolation on|off] [--max-wait-seconds S] [--prefill-rate TOKENS/S]
// [--lane-limits S,M] [--lane-queues S,M,L] [--models NAME=BYTES,...] [--budget BYTES] [--admin-key KEY]
// [--load-wait-ms N] [--idle-seconds S]
// [--answer TEXT] [--chat-template FILE] [--tool-format NAME] [--deepseek-rules true].
// With --models, each is a FakeEngine loaded on demand in --load-seconds; the first also answers to "alias",
// and one whose name begins with "broken" cannot be loaded. Prints "listening on PORT", serves until SIGTERM,
// then drains.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <thread>

#include "fake_engine.h"
#include "server/server.h"
#include "serving/model_host.h"

namespace {

using namespace pingti;

class FakeModels : public ModelLoader {
 public:
  FakeModels(FakeOptions options, double seconds) : options_(options), seconds_(seconds) {}

  // "a=100,b=50"
  std::vector<ModelSpec> read(const std::string& text, double idle_seconds) {
    std::vector<ModelSpec> specs;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find(',', at), text.size());
      const size_t equals = text.find('=', at);
      ModelSpec spec{.name = text.substr(at, equals - at), .idle_seconds = idle_seconds};
      if (specs.empty()) spec.aliases = {"alias"};
      bytes_[spec.name] = std::atol(text.c_str() + equals + 1);
      specs.push_back(std::move(spec));
      at = end + 1;
    }
    return specs;
  }

  Result<MemoryNeeds> needs(const ModelSpec& spec, int64_t) override {
    return MemoryNeeds{.fixed = bytes_[spec.name], .kv_least = 1, .kv_most = 1, .context = options_.context};
  }
  Result<std::unique_ptr<Engine>> load(const ModelSpec& spec, const MemoryGrant&,
                                       std::function<void(double)> progress) override {
    progress(0.5);
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds_));
    if (spec.name.starts_with("broken")) return fail(ErrorKind::kInvalid, "gguf.magic", "This is no model.");
    return FakeEngine::create(options_);
  }

 private:
  FakeOptions options_;
  double seconds_;
  std::map<std::string, int64_t> bytes_;
};

}  // namespace

int main(int argc, char** argv) {
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
  double idle_seconds = 0;
  std::string models;
  HostOptions hosting{.patience = std::chrono::milliseconds(100)};
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
    else if (name == "--answer")
      fake.answer = value;
    else if (name == "--chat-template")
      fake.chat_template = value;
    else if (name == "--tool-format")
      server.output.tool_format = value;
    else if (name == "--deepseek-rules")
      server.output.deepseek_rules = std::string(value) == "true";
    else if (name == "--max-queue")
      server.max_queue = std::atol(value);
    else if (name == "--ping-ms")
      server.sse_ping = std::chrono::milliseconds(std::atol(value));
    else if (name == "--late-ms")
      server.late_after = std::chrono::milliseconds(std::atol(value));
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
    else if (name == "--models")
      models = value;
    else if (name == "--budget")
      hosting.budget = std::atol(value);
    else if (name == "--admin-key")
      server.admin_keys.push_back(value);
    else if (name == "--load-wait-ms")
      server.load_wait = std::chrono::milliseconds(std::atol(value));
    else if (name == "--idle-seconds")
      idle_seconds = std::atof(value);
    else if (name == "--connections")
      server.max_connections = static_cast<size_t>(std::atol(value));
    else
      return std::fprintf(stderr, "unknown option %s\n", argv[i]), 2;
  }
  auto parsed = parse_lanes(lanes);
  if (!parsed) return std::fprintf(stderr, "%s\n", parsed.error().to_string().c_str()), 1;
  fake.lanes = *parsed;
  std::unique_ptr<ModelHost> host;  // outlives the server
  auto engine = FakeEngine::create(fake);
  if (!engine) return std::fprintf(stderr, "%s\n", engine.error().to_string().c_str()), 1;
  auto running = Server::start(server);
  if (!running) return std::fprintf(stderr, "%s\n", running.error().to_string().c_str()), 1;
  std::printf("listening on %d\n", (*running)->port());
  std::fflush(stdout);
  if (models.empty()) {
    std::this_thread::sleep_for(std::chrono::duration<double>(load_seconds));
    (*running)->attach(**engine);
  } else {
    auto loader = std::make_shared<FakeModels>(fake, load_seconds);
    auto specs = loader->read(models, idle_seconds);
    auto made = ModelHost::create(std::move(specs), loader, hosting);
    if (!made) return std::fprintf(stderr, "%s\n", made.error().to_string().c_str()), 1;
    host = *std::move(made);
    (*running)->attach(*host);
  }
  int signal = 0;
  sigwait(&signals, &signal);
  (*running)->shutdown();
  return 0;
}
