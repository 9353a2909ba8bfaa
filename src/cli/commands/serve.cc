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
#include "base/version.h"
#include "cli/command.h"
#include "cli/engine_options.h"
#include "cli/print.h"
#include "server/server.h"
#include "server/settings.h"

namespace pingti {
namespace {

struct ServeOptions {
  ServerOptions server;
  EngineOptions engine;
  std::string model;
  std::string activations = "int8";
  std::string draft_model;
  std::string api_key_file;
  bool access_log = false;
};

std::vector<Setting> serve_settings(ServeOptions* o) {
  return {
      {.name = "model", .target = &o->model, .help = "model file, or the name of a pulled model"},
      {.name = "alias",
       .target = &o->server.model_ids,
       .help = "names the model is served under (repeatable)"},
      {.name = "host", .target = &o->server.host, .help = "address to listen on"},
      {.name = "port", .target = &o->server.port, .help = "port; 0: any free one", .max = 65535},
      {.name = "threads", .target = &o->engine.threads, .help = "threads; 0: all CPUs granted", .max = 1024},
      {.name = "ctx", .target = &o->engine.context, .help = "most tokens of prompt and answer; 0: what fits"},
      {.name = "isa",
       .target = &o->engine.isa,
       .help = "kernels, as the log names them (avx2, neondot, reference ...); empty: the best"},
      {.name = "kv-type",
       .target = &o->engine.kv_type,
       .help = "how the KV cache stores numbers: f32, f16, bf16, q16, q8 or q4"},
      {.name = "attention-window",
       .target = &o->engine.attention_window,
       .help = "tokens a query sees, over a model trained to see all; 0: as trained",
       .max = 1 << 24},
      {.name = "sinks",
       .target = &o->engine.attention_sinks,
       .help = "first tokens that stay visible beside the attention window",
       .max = 1 << 24},
      {.name = "sparse-attention",
       .target = &o->engine.sparse_attention,
       .help = "topk=PAGES or topp=SHARE, with sub-options: each query reads the KV pages it is estimated to "
               "need; empty: off"},
      {.name = "activations", .target = &o->activations, .help = "int8, or f32 (slow, for comparisons)"},
      {.name = "max-sequences",
       .target = &o->engine.max_sequences,
       .help = "most answers computed in one batch",
       .min = 1,
       .max = 4096},
      {.name = "prefill-chunk",
       .target = &o->engine.prefill_chunk,
       .help = "most prompt tokens per step",
       .min = 1,
       .max = 65536},
      {.name = "speculate",
       .target = &o->engine.speculate,
       .help = "how tokens are guessed ahead: ngram (from the text so far), draft (by draft-model), auto "
               "(both) or off; changes no answer"},
      {.name = "draft-model",
       .target = &o->draft_model,
       .help = "a smaller model of the same vocabulary that guesses tokens; file or name"},
      {.name = "draft-max",
       .target = &o->engine.draft_max,
       .help = "most tokens guessed at a time",
       .min = 1,
       .max = 64},
      {.name = "draft-min",
       .target = &o->engine.draft_min,
       .help = "shorter guesses are not used",
       .max = 64},
      {.name = "max-queue",
       .target = &o->server.max_queue,
       .help = "most answers waiting for the batch; further requests get 503",
       .min = 1,
       .max = 1e6},
      {.name = "api-key",
       .target = &o->server.api_keys,
       .help = "accepted API key (repeatable)",
       .secret = true},
      {.name = "api-key-file", .target = &o->api_key_file, .help = "file with one API key a line"},
      {.name = "insecure",
       .target = &o->server.insecure,
       .help = "listen beyond this machine without an API key"},
      {.name = "allowed-host",
       .target = &o->server.allowed_hosts,
       .help = "further name this server may be called by (repeatable)"},
      {.name = "tool-format",
       .target = &o->server.output.tool_format,
       .help = "how the model writes tool calls: auto (by its chat template), hermes, llama3, mistral, "
               "mistral-v11, deepseek, deepseek-v3.1 or generic"},
      {.name = "reasoning",
       .target = &o->server.output.reasoning,
       .help = "auto: thinking is told apart from the answer; off: it is part of it"},
      {.name = "deepseek-rules",
       .target = &o->server.output.deepseek_rules,
       .help = "the rules of DeepSeek's R1 API: no reasoning_content in messages, no logprobs, fixed sampling"},
      {.name = "access-log", .target = &o->access_log, .help = "print a line for every request"},
      {.name = "stall-seconds",
       .target = &o->server.stall_seconds,
       .help = "/livez fails when the engine has not stepped for so long",
       .min = 1},
      {.name = "drain-seconds",
       .target = &o->server.drain_seconds,
       .help = "at shutdown, answers that take longer are cut; 0: all are waited for",
       .max = 1e6},
  };
}

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

// The names a request may use: those chosen, or the file's stem, the model's own name and the catalogue's.
void name_model(const ServeOptions& options, const EngineInfo& info, std::vector<std::string>* ids) {
  if (!ids->empty()) return;
  for (const std::string& id :
       {std::filesystem::path(options.engine.model_path).stem().string(), info.model_name, options.model}) {
    bool path = id.find('/') != std::string::npos || id.ends_with(".gguf");
    if (!id.empty() && !path && std::ranges::find(*ids, id) == ids->end()) ids->push_back(id);
  }
}

int serve(ServeOptions options) {
  StopSignals signals;
  if (auto keys = read_api_keys(options.api_key_file, &options.server.api_keys); !keys)
    return print_error(keys.error());
  if (options.activations != "int8" && options.activations != "f32") {
    return print_error({ErrorKind::kInvalid, "settings.value",
                        fmt::format("activations must be int8 or f32, not \"{}\"", options.activations), ""});
  }
  options.engine.activations_f32 = options.activations == "f32";
  auto path = find_model(options.model);
  if (!path) return print_error(path.error());
  options.engine.model_path = *path;
  if (!options.draft_model.empty()) {
    auto draft = find_model(options.draft_model);
    if (!draft) return print_error(draft.error());
    options.engine.draft_model_path = *draft;
  }
  if (options.access_log) options.server.on_access = log_access;

  std::unique_ptr<Engine> engine;  // outlives the server
  auto server = Server::start(options.server);
  if (!server) return print_error(server.error());
  std::string address = url(options.server, (*server)->port());
  fmt::print("pingti {} on {}: loading {}\n", kVersion, address, *path);
  std::fflush(stdout);
  signals.exit_while_loading();
  options.engine.progress = [&](double fraction) { (*server)->set_load_progress(fraction); };
  auto made = make_engine(options.engine);
  signals.loaded();
  if (!made) return print_error(made.error());
  engine = *std::move(made);

  const EngineInfo& info = engine->info();
  std::vector<std::string> ids = options.server.model_ids;
  name_model(options, info, &ids);
  (*server)->attach(*engine, ids);
  fmt::print("{}\nmodel \"{}\", kernels {}, loaded in {:.1f} s\nready: {} (chat page), {}/v1 (OpenAI API)\n",
             describe(info), ids.empty() ? info.model_name : ids[0], info.kernels, info.load_seconds, address,
             address);
  std::fflush(stdout);
  signals.wait();
  fmt::print("finishing running answers; a second signal ends at once\n");
  std::fflush(stdout);
  (*server)->shutdown();
  return kExitOk;
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
const Command kServeCommand{"serve", "serve a model over HTTP (OpenAI API and a chat page)", attach};

}  // namespace pingti
