#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "base/version.h"
#include "cli/command.h"

namespace pingti {

#define PINGTI_COMMAND(name) extern const Command name;
#include "cli/commands.inc"
#undef PINGTI_COMMAND

namespace {
const Command* const kCommands[] = {
#define PINGTI_COMMAND(name) &name,
#include "cli/commands.inc"
#undef PINGTI_COMMAND
};
}  // namespace

// A standard stream that the parent left closed would hand its number, and what is printed, to the next file
// or connection opened.
void open_standard_streams() {
  int file = 0;
  while ((file = ::open("/dev/null", O_RDWR)) >= 0 && file <= STDERR_FILENO) {
  }
  if (file >= 0) ::close(file);
}

int run_program(int argc, char** argv) {
  CLI::App app{"pingti: serve language models fast on ordinary CPUs", "pingti"};
  app.set_version_flag("--version", kVersion);
  app.require_subcommand(1);
  int exit_code = kExitOk;
  for (const Command* command : kCommands) {
    CLI::App* sub = app.add_subcommand(command->name, command->summary);
    command->attach(*sub, &exit_code);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  return exit_code;
}

}  // namespace pingti

int main(int argc, char** argv) {
  pingti::open_standard_streams();
  try {
    return pingti::run_program(argc, argv);
  } catch (const std::exception& exception) {  // out of memory, or our own fault
    std::fprintf(stderr, "pingti: %s\n", exception.what());
    return pingti::kExitFailed;
  }
}
