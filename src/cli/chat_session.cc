#include "cli/chat_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "cli/interrupt.h"
#include "cli/print.h"
#include "engine/chat_tokens.h"

namespace pingti {
namespace {

constexpr std::string_view kBlock = "\"\"\"";

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

void show(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

const ChatSession::SlashCommand ChatSession::kCommands[] = {
    {"/help", "", "show this list", &ChatSession::help},
    {"/clear", "", "forget the conversation; the system text stays", &ChatSession::clear},
    {"/system", "TEXT", "set the system text; without TEXT: none", &ChatSession::system},
    {"/save", "FILE", "write the conversation to a JSON file", &ChatSession::save},
    {"/load", "FILE", "go on with a saved conversation", &ChatSession::load},
    {"/temp", "X", "set the temperature", &ChatSession::temperature},
    {"/regen", "", "answer the last message again", &ChatSession::regenerate},
    {"/stats", "", "speed and size of the last answer", &ChatSession::stats},
    {"/exit", "", "leave (Ctrl-D does too)", &ChatSession::exit},
};

ChatSession::ChatSession(Engine& engine, Options options)
    : engine_(engine),
      options_(std::move(options)),
      editor_(default_history_file()),
      terminal_(stdout_is_terminal()) {
  if (!options_.system.empty()) system(options_.system);
}

void ChatSession::run() {
  const InterruptGuard guard;
  if (terminal_) notice("Ctrl-C stops an answer, /help lists commands, Ctrl-D leaves.");
  while (!over_) {
    const auto message = read_message();
    if (!message) break;
    const std::string_view text = trim(*message);
    if (text.empty()) continue;
    if (text.front() == '/' && text.find('\n') == std::string_view::npos) {
      run_slash(text);
      continue;
    }
    conversation_.add_user(*message);
    retries_ = 0;
    if (!answer()) conversation_.drop_last("user");
  }
}

std::optional<std::string> ChatSession::read_message() {
  std::string message;
  std::string line;
  bool block = false;
  bool more = false;
  for (bool interrupted = false;;) {
    const auto outcome = editor_.read(more ? "... " : "> ", &line);
    if (outcome == LineEditor::Outcome::kEnd) {
      return message.empty() ? std::nullopt : std::optional(message);
    }
    if (outcome == LineEditor::Outcome::kInterrupted) {
      if (interrupted && !more) return std::nullopt;
      if (!more) notice("(Ctrl-C again or Ctrl-D to leave)");
      interrupted = !more;
      more = block = false;
      message.clear();
      continue;
    }
    interrupted = false;
    editor_.remember(line);
    if (!more && line.starts_with(kBlock)) {
      block = true;
      line.erase(0, kBlock.size());
      if (line.empty()) {
        more = true;
        continue;
      }
    }
    const bool closes = block && line.ends_with(kBlock);
    const bool continues = !block && line.ends_with('\\');
    if (closes) line.resize(line.size() - kBlock.size());
    if (continues) line.pop_back();
    message += line;
    more = continues || (block && !closes);
    if (!more) return message;
    message += '\n';
  }
}

void ChatSession::run_slash(std::string_view line) {
  const auto space = line.find_first_of(" \t");
  const std::string_view name = line.substr(0, space);
  const std::string_view argument = space == std::string_view::npos ? "" : trim(line.substr(space));
  const auto* command = std::ranges::find(kCommands, name, &SlashCommand::name);
  if (command == std::end(kCommands)) {
    notice(fmt::format("{} is no command; /help lists them", name));
    return;
  }
  (this->*command->run)(argument);
}

// Answers the conversation, which ends with the user's message. False: there is no answer to keep.
bool ChatSession::answer() {
  const auto tokens = chat_tokens(engine_, {.messages = conversation_.messages()});
  if (!tokens) {
    print_error(tokens.error());
    return false;
  }
  const auto size = static_cast<int64_t>(tokens->size());
  const int64_t context = engine_.info().context;
  if (size >= context) {
    notice(fmt::format(
        "The conversation has {} tokens with this message, but the context holds {}. It was not "
        "sent: /clear starts anew{}.",
        size, context, context < engine_.info().trained_context ? ", a larger --ctx holds more" : ""));
    return false;
  }
  GenerationRequest request{.id = "chat", .prompt = *tokens, .max_tokens = options_.max_tokens};
  request.sampling = options_.sampling.params_for(engine_);
  request.sampling.seed += retries_;
  last_seed_ = request.sampling.seed;
  const auto summary =
      stream_answer(engine_, std::move(request), {.show = show, .interrupted = &InterruptGuard::take});
  if (!summary) {
    print_error(summary.error());
    return false;
  }
  show("\n");
  show_end(*summary);
  last_ = *summary;
  if (summary->text.empty() && summary->reason == FinishReason::kCancelled) return false;
  conversation_.add_assistant(summary->text);
  return true;
}

void ChatSession::show_end(const AnswerSummary& summary) const {
  if (summary.reason == FinishReason::kCancelled) notice("(stopped)");
  if (summary.reason != FinishReason::kLength) return;
  const int64_t context = engine_.info().context;
  if (summary.prompt_tokens + summary.answer_tokens >= context) {
    notice(fmt::format(
        "(the answer ends here: {} tokens of conversation and {} of answer fill the context of {}; "
        "/clear starts anew)",
        summary.prompt_tokens, summary.answer_tokens, context));
  } else {
    notice(fmt::format("(the answer ends here: it may have {} tokens)", options_.max_tokens));
  }
}

// What the program itself has to say goes to stderr: stdout holds answers alone.
void ChatSession::notice(const std::string& text) const { fmt::print(stderr, "{}\n", text); }

void ChatSession::help(std::string_view) {
  for (const SlashCommand& command : kCommands)
    notice(fmt::format("  {:<14}{}", fmt::format("{} {}", command.name, command.argument), command.help));
  notice("  A line that ends in \\ goes on in the next one; \"\"\" begins and ends a longer text.");
}

void ChatSession::clear(std::string_view) {
  conversation_.clear();
  notice("(the conversation is empty)");
}

void ChatSession::system(std::string_view text) {
  if (!text.empty() && !engine_.chat_template().supports_system()) {
    notice("This model's chat template has no place for a system text.");
    return;
  }
  conversation_.set_system(std::string(text));
  notice(text.empty() ? "(no system text)" : "(system text set)");
}

void ChatSession::save(std::string_view file) {
  if (file.empty()) return notice("/save needs a file name");
  if (const auto saved = conversation_.save(file); !saved) {
    print_error(saved.error());
  } else {
    notice(fmt::format("(saved {} messages to {})", conversation_.messages().size(), file));
  }
}

void ChatSession::load(std::string_view file) {
  if (file.empty()) return notice("/load needs a file name");
  if (const auto loaded = conversation_.load(file); !loaded) {
    print_error(loaded.error());
  } else {
    notice(fmt::format("(loaded {} messages from {})", conversation_.messages().size(), file));
  }
}

void ChatSession::temperature(std::string_view value) {
  SamplingParams params = options_.sampling.params;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), params.temperature);
  if (error != std::errc() || end != value.data() + value.size()) {
    notice(fmt::format("/temp needs a number; the temperature is {}", options_.sampling.params.temperature));
    return;
  }
  if (const auto valid = validate(params, engine_.info().vocab); !valid) {
    print_error(valid.error());
    return;
  }
  options_.sampling.params = params;
  notice(fmt::format("(temperature {})", params.temperature));
}

void ChatSession::regenerate(std::string_view) {
  const Conversation before = conversation_;
  if (!conversation_.drop_last("assistant")) return notice("There is no answer to make again.");
  ++retries_;
  if (!answer()) conversation_ = before;
}

void ChatSession::stats(std::string_view) {
  if (!last_) return notice("There is no answer yet.");
  notice(fmt::format("{}; seed {}", speed_line(*last_), last_seed_));
  notice(fmt::format("context: {} of {} tokens", last_->prompt_tokens + last_->answer_tokens,
                     engine_.info().context));
}

}  // namespace pingti
