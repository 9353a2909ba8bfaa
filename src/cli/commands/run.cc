#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>

#include "base/file.h"
#include "cli/answer.h"
#include "cli/command.h"
#include "cli/conversation.h"
#include "cli/engine_options.h"
#include "cli/print.h"
#include "engine/chat_tokens.h"
#include "text/tokenizer.h"

namespace pingti {
namespace {

constexpr size_t kMaxPromptBytes = size_t{256} << 20;

struct Flags {
  EngineFlags engine;
  SamplingFlags sampling;
  std::string prompt;
  std::string file;
  std::string system;
  int64_t max_tokens = -1;
  bool raw = false;
  bool ignore_eos = false;
};

Result<std::string> read_prompt(const Flags& flags) {
  if (flags.prompt == "-" || flags.file == "-")
    return std::string(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
  if (!flags.file.empty()) return read_file(flags.file, kMaxPromptBytes);
  return flags.prompt;
}

Result<std::vector<int32_t>> prompt_tokens(const Engine& engine, const Flags& flags, std::string prompt) {
  if (flags.raw) return engine.tokenizer().encode(prompt);
  if (engine.tokenizer().vocab().chat_template.empty()) {
    if (!flags.system.empty()) {
      return fail(ErrorKind::kUnsupported, "run.no_template",
                  "the model has no chat template, so there is no place for a system text");
    }
    return engine.tokenizer().encode(prompt);
  }
  if (!flags.system.empty() && !engine.chat_template().supports_system()) {
    return fail(ErrorKind::kUnsupported, "run.no_system",
                "the model's chat template has no place for a system text", "put it into the prompt");
  }
  Conversation conversation;
  conversation.set_system(flags.system);
  conversation.add_user(std::move(prompt));
  return chat_tokens(engine, {.messages = conversation.messages()});
}

Result<void> answer(const Flags& flags) {
  PT_TRY(std::string prompt, read_prompt(flags));
  EngineFlags engine_flags = flags.engine;
  engine_flags.options.max_sequences = 1;
  PT_TRY(const auto engine, open_engine(engine_flags));
  GenerationRequest request{.id = "run", .max_tokens = flags.max_tokens};
  PT_TRY(request.prompt, prompt_tokens(*engine, flags, std::move(prompt)));
  request.sampling = flags.sampling.params_for(*engine);
  request.ignore_eos = flags.ignore_eos;
  const uint64_t seed = request.sampling.seed;
  const auto show = [](std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  };
  PT_TRY(const AnswerSummary summary, stream_answer(*engine, std::move(request), {.show = show}));
  if (stdout_is_terminal()) show("\n");
  if (summary.reason == FinishReason::kLength && flags.max_tokens < 0) {
    fmt::print(stderr, "the answer was cut: prompt {} and answer {} fill the context of {} tokens\n",
               summary.prompt_tokens, summary.answer_tokens, engine->info().context);
  }
  if (stderr_is_terminal()) fmt::print(stderr, "{}; seed {}\n", speed_line(summary), seed);
  return {};
}

void attach(CLI::App& app, int* exit_code) {
  const auto flags = std::make_shared<Flags>();
  add_engine_flags(app, &flags->engine);
  add_speculation_flags(app, &flags->engine);
  auto* source = app.add_option_group("prompt", "exactly one of these");
  source->add_option("-p,--prompt", flags->prompt, "the prompt; -: standard input");
  source->add_option("-f,--file", flags->file, "file that holds the prompt; -: standard input");
  source->require_option(1);
  app.add_option("-n,--predict,--n-predict", flags->max_tokens,
                 "most tokens of the answer; -1: what the context holds")
      ->check(CLI::Range(int64_t{-1}, int64_t{1} << 40))
      ->capture_default_str();
  app.add_flag("--raw", flags->raw, "complete the text as it is, without the model's chat template");
  app.add_option("--system", flags->system, "system text");
  app.add_flag("--ignore-eos", flags->ignore_eos, "go on after the model's end of text");
  add_sampling_flags(app, &flags->sampling);
  app.callback([flags, exit_code] {
    if (flags->raw && !flags->system.empty()) {
      fmt::print(stderr, "pingti: --system has no place with --raw\n");
      *exit_code = kExitUsage;
      return;
    }
    const auto done = answer(*flags);
    *exit_code = done ? kExitOk : print_error(done.error());
  });
}

}  // namespace

extern const Command kRunCommand;
const Command kRunCommand{"run", "answer one prompt", attach};

}  // namespace pingti
