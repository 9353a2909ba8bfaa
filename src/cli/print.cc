#include "cli/print.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "cli/command.h"

namespace pingti {

int print_error(const Error& error) {
  fmt::print(stderr, "pingti: {}\n", error.to_string());
  return kExitFailed;
}

bool stdout_is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }
bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

}  // namespace pingti
