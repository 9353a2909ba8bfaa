// pingti inspect: what a model file holds, and what it would need and do on this machine.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "base/thread_pool.h"
#include "cli/command.h"
#include "cli/inspect_report.h"
#include "cli/print.h"
#include "kernels/probe.h"

namespace pingti {
namespace {

struct InspectFlags {
  std::string path;
  int64_t context = 4096;
  bool tensors = false;
  bool json = false;
};

int inspect(const InspectFlags& flags) {
  auto report = make_report(flags.path, flags.context);
  if (!report) return print_error(report.error());
  ThreadPool threads(report->cpus);
  report->read_bandwidth = probe_read_bandwidth(threads);
  if (flags.json) {
    // A file's strings need not be UTF-8; what is not becomes U+FFFD.
    const auto text =
        to_json(*report, flags.tensors).dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
    fmt::print("{}\n", text);
  } else {
    fmt::print("{}", to_text(*report, flags.tensors));
  }
  return kExitOk;
}

void attach(CLI::App& app, int* exit_code) {
  auto flags = std::make_shared<InspectFlags>();
  app.add_option("file", flags->path, "model file (GGUF); of a split model, any part")->required();
  app.add_option("-c,--ctx,--ctx-size", flags->context, "tokens the KV cache is estimated for")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 24))
      ->capture_default_str();
  app.add_flag("--tensors", flags->tensors, "list the tensors");
  app.add_flag("--json", flags->json, "print JSON");
  app.callback([flags, exit_code] { *exit_code = inspect(*flags); });
}

}  // namespace

extern const Command kInspectCommand;
const Command kInspectCommand{"inspect", "show a model file's metadata, sizes and needs", attach};

}  // namespace pingti
