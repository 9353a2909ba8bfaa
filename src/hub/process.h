// Runs another program: argv as given, no shell, stdin empty, output captured.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pingti {

struct ProcessOutcome {
  int exit_code = 0;   // 128 + signal when one ended it
  std::string output;  // the last 16 KiB of stdout and stderr together
};

// Where PATH finds an executable file of that name.
std::optional<std::filesystem::path> find_program(std::string_view name);

// Waits for the program, calling `tick` about five times a second; a cancelled one is ended together with
// its children. `environment` entries ("NAME=VALUE") are added to this process's own.
Result<ProcessOutcome> run_process(const std::vector<std::string>& argv,
                                   const std::vector<std::string>& environment, const std::stop_token& stop,
                                   const std::function<void()>& tick);

}  // namespace pingti
