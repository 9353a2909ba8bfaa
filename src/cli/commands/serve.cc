#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <thread>

#include "base/file.h"
#include "base/machine.h"
#include "base/version.h"
#include "cli/command.h"
#include "cli/engine_options.h"
#include "cli/print.h"
#include "cli/serve_options.h"
#include "server/server.h"
#include "server/settings.h"
#include "serving/engine_loader.h"
#include "serving/model_host.h"

namespace pingti {
namespace {

const std::map<std::string, std::string> kOtherNames = {{"model", ",-m"},
                                                        {"threads", ",-t"},
                                                        {"ctx", ",--ctx-size,-c"},
                                                        {"draft-model", ",--model-draft"},
                                                        {"draft-max", ",--draft"},
                                                        {"alias", ",--served-model-name,-a"},
                                                        {"max-sequences", ",--parallel"}};

Result<void> read_api_keys(const std::string& path, std::vector<std::string>* keys) {
  if (path.empty()) return {};
  PT_TRY(std::string text, read_file(path, 1 << 20));
  size_t start = 0;
  while (start < text.size()) {
    size_t end = std::min(text.find('\n', start), text.size());
    std::string line = text.substr(start, end - start);
    while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back()))) line.pop_back();
    if (!line.empty() && line[0] != '#') keys->push_back(line);
    start = end + 1;
  }
  if (keys->empty()) {
    return fail(ErrorKind::kInvalid, "serve.api_key_file", fmt::format("{} holds no API key", path),
                "one key a line");
  }
  return {};
}

// The first SIGINT or SIGTERM asks for the end, the second ends at once.
class StopSignals {
 public:
  // Before any other thread is started, so that all of them leave the signals to this one.
  StopSignals() {
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of its write
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  }

  void wait() {
    int signal = 0;
    sigwait(&signals_, &signal);
    std::thread([signals = signals_] {
      int second = 0;
      sigwait(&signals, &second);
      ::_exit(128 + second);
    }).detach();
  }

  // Until wait() is called: a signal ends the process, for there is nothing to finish yet.
  void exit_while_loading() {
    loading_ = std::thread([this] {
      timespec step{0, 50'000'000};
      while (!loaded_) {
        if (sigtimedwait(&signals_, nullptr, &step) > 0) ::_exit(kExitOk);
      }
    });
  }
  void loaded() {
    loaded_ = true;
    loading_.join();
  }

 private:
  sigset_t signals_;
  std::thread loading_;
  std::atomic<bool> loaded_{false};
};

// Not fmt::print, which throws when nobody reads stderr any more.
void log_access(const AccessRecord& record) {
  const std::string line = fmt::format("{} {} {} {} {:.3f}s {}\n", record.peer, record.method, record.target,
                                       record.status, record.seconds, record.request_id);
  std::fputs(line.c_str(), stderr);
}

std::string url(const ServerOptions& options, uint16_t port) {
  bool v6 = options.host.find(':') != std::string::npos;
  return fmt::format("http://{}:{}", v6 ? "[" + options.host + "]" : options.host, port);
}

// What became of the models to be loaded at start. False: there is nothing to serve.
bool report(const ModelHost& host, const std::string& address) {
  bool hope = false;
  for (const ModelStatus& status : host.list()) {
    if (status.engine != nullptr) {
      const EngineInfo& info = status.engine->info();
      fmt::print("{}\nmodel \"{}\", kernels {}, loaded in {:.1f} s\n", describe(info), status.name,
                 info.kernels, info.load_seconds);
    } else if (status.error) {
      print_error(*status.error);
    }
    // What lacks memory now may find it later.
    hope |= !status.error || status.error->code == "host.memory";
  }
  const MemoryUse memory = host.memory();
  if (memory.budget > 0) {
    fmt::print("memory budget {:.0f} MiB, {:.0f} in use\n", static_cast<double>(memory.budget) / (1 << 20),
               static_cast<double>(memory.used) / (1 << 20));
  }
  if (hope) fmt::print("ready: {} (chat page), {}/v1 (OpenAI API)\n", address, address);
  std::fflush(stdout);
  return hope;
}

int serve(ServeOptions options) {
  StopSignals signals;
  if (auto keys = read_api_keys(options.api_key_file, &options.server.api_keys); !keys)
    return print_error(keys.error());
  const std::map<std::string, CacheIsolation> isolations = {
      {"auto", CacheIsolation::kAuto}, {"on", CacheIsolation::kOn}, {"off", CacheIsolation::kOff}};
  const auto isolation = isolations.find(options.cache_isolation);
  if (isolation == isolations.end()) {
    return print_error(
        {ErrorKind::kInvalid, "settings.value",
         fmt::format("cache-isolation must be auto, on or off, not \"{}\"", options.cache_isolation), ""});
  }
  options.server.cache_isolation = isolation->second;
  options.engine.kv_disk_bytes = static_cast<int64_t>(options.kv_disk_gib * (1 << 30));
  auto models = served_models(options);
  if (!models) return print_error(models.error());
  const size_t count = models->size();
  const std::string only = models->front().model;
  if (count == 1) {
    if (auto path = find_model(only); !path) return print_error(path.error());
  }
  auto budget = memory_budget(options.memory_budget, count);
  if (!budget) return print_error(budget.error());
  if (options.access_log) options.server.on_access = log_access;
  options.server.load_wait = std::chrono::milliseconds(static_cast<int64_t>(options.load_wait * 1000));

  std::unique_ptr<ModelHost> host;  // outlives the server
  auto server = Server::start(options.server);
  if (!server) return print_error(server.error());
  auto made = ModelHost::create(*std::move(models), std::make_shared<EngineLoader>(find_model),
                                {.budget = *budget, .base = static_cast<int64_t>(resident_memory())});
  if (!made) return print_error(made.error());
  host = *std::move(made);
  std::string address = url(options.server, (*server)->port());
  fmt::print("pingti {} on {}: loading {}\n", kVersion, address,
             count == 1 ? find_model(only).value_or(only) : fmt::format("{} models", count));
  std::fflush(stdout);
  signals.exit_while_loading();
  (*server)->attach(*host);
  host->wait_preloaded();
  signals.loaded();
  const bool serves = report(*host, address);
  if (serves) {
    signals.wait();
    fmt::print("finishing running answers; a second signal ends at once\n");
    std::fflush(stdout);
  }
  (*server)->shutdown();
  return serves ? kExitOk : kExitFailed;
}

struct Parsed {
  ServeOptions options;
  Settings settings{serve_settings(&options)};
  std::map<std::string, std::vector<std::string>> flags;
  std::string config;
  bool print_config = false;
};

void run(Parsed& parsed, const CLI::App& app, int* exit_code) {
  std::map<std::string, std::vector<std::string>> given;
  for (const auto& [name, values] : parsed.flags) {
    if (app.count("--" + name) > 0) given[name] = values;
  }
  const char* from_environment = std::getenv("PINGTI_CONFIG");
  if (parsed.config.empty() && from_environment) parsed.config = from_environment;
  auto resolved =
      parsed.settings.resolve(given, [](const char* name) { return std::getenv(name); }, parsed.config);
  if (!resolved) {
    print_error(resolved.error());
    *exit_code = kExitUsage;
  } else if (parsed.print_config) {
    fmt::print("{}", parsed.settings.describe());
  } else {
    *exit_code = serve(std::move(parsed.options));
  }
}

void attach(CLI::App& app, int* exit_code) {
  auto parsed = std::make_shared<Parsed>();
  for (const Setting& setting : parsed->settings.all()) {
    if (std::holds_alternative<SettingTable*>(setting.target)) continue;  // the file's alone
    auto other = kOtherNames.find(setting.name);
    std::string names = "--" + setting.name + (other == kOtherNames.end() ? "" : other->second);
    auto& values = parsed->flags[setting.name];
    const std::string help = fmt::format("{} [{}]", setting.help, environment_name(setting.name));
    if (std::holds_alternative<bool*>(setting.target)) {
      values = {"true"};
      app.add_flag(names, help);
    } else {
      auto* option = app.add_option(names, values, help);
      option->expected(1);
      const std::string shown = shown_value(setting);
      if (shown != "[]" && shown != "\"\"") option->default_str(shown);
      if (std::holds_alternative<std::vector<std::string>*>(setting.target)) {
        option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
      } else {
        option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
      }
    }
  }
  app.add_option("--config", parsed->config, "YAML file with the same names [PINGTI_CONFIG]");
  app.add_flag("--print-config", parsed->print_config,
               "show every setting and where it comes from, then exit");
  app.callback([parsed, &app, exit_code] { run(*parsed, app, exit_code); });
}

}  // namespace

extern const Command kServeCommand;
const Command kServeCommand{"serve", "serve models over HTTP (OpenAI API and a chat page)", attach};

}  // namespace pingti
