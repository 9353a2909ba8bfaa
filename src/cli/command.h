// A command of the pingti program: one file in commands/, one line in commands.inc.
#pragma once

namespace CLI {
class App;
}

namespace pingti {

// Exit codes of every command: done, failed with a reason on stderr, wrong usage.
constexpr int kExitOk = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

struct Command {
  const char* name;     // "tokenize"
  const char* summary;  // one line for --help
  // Declares options on `app` (a subcommand made for this command) and sets its callback. The callback
  // stores the exit code in *exit_code; it prints results to stdout and errors to stderr (print_error).
  void (*attach)(CLI::App& app, int* exit_code);
};

}  // namespace pingti
