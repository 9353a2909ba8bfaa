#include <CLI/CLI.hpp>
#include <memory>

#include "cli/chat_session.h"
#include "cli/command.h"
#include "cli/engine_options.h"
#include "cli/print.h"

namespace pingti {
namespace {

struct Flags {
  EngineFlags engine;
  ChatSession::Options chat;
};

int run(Flags flags) {
  flags.engine.options.max_sequences = 1;
  auto engine = open_engine(flags.engine);
  if (!engine) return print_error(engine.error());
  if (const auto valid = validate(flags.chat.sampling.params, (*engine)->info().vocab); !valid)
    return print_error(valid.error());
  ChatSession(**engine, std::move(flags.chat)).run();
  return kExitOk;
}

void attach(CLI::App& app, int* exit_code) {
  const auto flags = std::make_shared<Flags>();
  add_engine_flags(app, &flags->engine);
  add_speculation_flags(app, &flags->engine);
  add_sampling_flags(app, &flags->chat.sampling);
  app.add_option("-n,--predict", flags->chat.max_tokens, "most tokens per answer; -1: what the context holds")
      ->check(CLI::Range(int64_t{-1}, int64_t{1} << 40))
      ->capture_default_str();
  app.add_option("--system", flags->chat.system, "system text");
  app.callback([flags, exit_code] { *exit_code = run(*flags); });
}

}  // namespace

extern const Command kChatCommand;
const Command kChatCommand{"chat", "talk with a model in the terminal", attach};

}  // namespace pingti
