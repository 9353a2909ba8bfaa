#include "hub/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/check.h"

extern char** environ;

namespace pingti {
namespace {

constexpr size_t kKeptOutput = 16 * 1024;
constexpr int kTickMs = 200;

// The environment with `added` put before: the first of two equal names counts, and duplicates of added
// names are left out.
std::vector<std::string> merged_environment(const std::vector<std::string>& added) {
  std::vector<std::string> all = added;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::string_view name = text.substr(0, text.find('=') + 1);
    bool replaced = false;
    for (const auto& one : added) replaced = replaced || std::string_view(one).starts_with(name);
    if (!replaced) all.emplace_back(text);
  }
  return all;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (const auto& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

Result<pid_t> spawn(const std::vector<std::string>& argv, const std::vector<std::string>& environment,
                    int output) {
  posix_spawn_file_actions_t actions;
  PT_CHECK(posix_spawn_file_actions_init(&actions) == 0);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  posix_spawnattr_t attributes;
  PT_CHECK(posix_spawnattr_init(&attributes) == 0);
  // A group of its own, so that cancelling reaches its children; no signal blocked, whatever this process
  // blocks for itself.
  sigset_t none;
  ::sigemptyset(&none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setsigmask(&attributes, &none);
  const auto merged = merged_environment(environment);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, argv[0].c_str(), &actions, &attributes, pointers(argv).data(),
                                   pointers(merged).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return fail(ErrorKind::kIo, "hub.process",
                fmt::format("cannot run {}: {}", argv[0], std::strerror(error)));
  }
  return pid;
}

// Reads what is there without waiting longer than a tick; false at end of file.
bool read_some(int fd, std::string& output) {
  pollfd waiter{fd, POLLIN, 0};
  if (::poll(&waiter, 1, kTickMs) <= 0) return true;
  char buffer[4096];
  const ssize_t n = ::read(fd, buffer, sizeof buffer);
  if (n < 0) return errno == EINTR || errno == EAGAIN;
  if (n == 0) return false;
  output.append(buffer, static_cast<size_t>(n));
  if (output.size() > 2 * kKeptOutput) output.erase(0, output.size() - kKeptOutput);
  return true;
}

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

std::optional<std::filesystem::path> find_program(std::string_view name) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
  while (true) {
    const size_t colon = rest.find(':');
    std::filesystem::path candidate = std::filesystem::path(rest.substr(0, colon)) / name;
    std::error_code error;
    if (candidate.is_absolute() && std::filesystem::is_regular_file(candidate, error) &&
        ::access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
    if (colon == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(colon + 1);
  }
}

Result<ProcessOutcome> run_process(const std::vector<std::string>& argv,
                                   const std::vector<std::string>& environment, const std::stop_token& stop,
                                   const std::function<void()>& tick) {
  PT_CHECK(!argv.empty());
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) {
    return fail(ErrorKind::kIo, "hub.process", fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  }
  const auto pid = spawn(argv, environment, pipe[1]);
  ::close(pipe[1]);
  if (!pid) {
    ::close(pipe[0]);
    return std::unexpected(pid.error());
  }
  ProcessOutcome outcome;
  bool cancelled = false;
  while (read_some(pipe[0], outcome.output)) {
    tick();
    if (!cancelled && stop.stop_requested()) {
      cancelled = true;
      ::kill(-*pid, SIGKILL);
    }
  }
  ::close(pipe[0]);
  outcome.exit_code = wait_for(*pid);
  if (cancelled)
    return fail(ErrorKind::kCancelled, "hub.cancelled", fmt::format("{} was cancelled", argv[0]));
  if (outcome.output.size() > kKeptOutput) outcome.output.erase(0, outcome.output.size() - kKeptOutput);
  return outcome;
}

}  // namespace pingti
