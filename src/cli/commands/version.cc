#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/version.h"
#include "cli/command.h"

namespace pingti {
namespace {

void attach(CLI::App& app, int* exit_code) {
  app.callback([exit_code] {
    fmt::print("pingti {}\n", kVersion);
    *exit_code = kExitOk;
  });
}

}  // namespace

extern const Command kVersionCommand;
const Command kVersionCommand{"version", "print the version", attach};

}  // namespace pingti
