// A conversation in the terminal: reads lines, runs slash commands, streams answers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/answer.h"
#include "cli/conversation.h"
#include "cli/engine_options.h"
#include "cli/line_editor.h"
#include "engine/engine.h"

namespace pingti {

class ChatSession {
 public:
  struct Options {
    SamplingFlags sampling;
    std::string system;
    int64_t max_tokens = -1;
  };

  // The engine outlives the session.
  ChatSession(Engine& engine, Options options);

  // Until /exit, Ctrl-D, or Ctrl-C twice at an empty prompt.
  void run();

 private:
  struct SlashCommand {
    const char* name;
    const char* argument;  // "" when it takes none
    const char* help;
    void (ChatSession::*run)(std::string_view argument);
  };
  static const SlashCommand kCommands[];

  // A whole message, over several lines where they end in a backslash or stand between """.
  std::optional<std::string> read_message();
  void run_slash(std::string_view line);
  bool answer();
  void show_end(const AnswerSummary& summary) const;
  void notice(const std::string& text) const;

  void help(std::string_view);
  void clear(std::string_view);
  void system(std::string_view text);
  void save(std::string_view file);
  void load(std::string_view file);
  void temperature(std::string_view value);
  void regenerate(std::string_view);
  void stats(std::string_view);
  void exit(std::string_view) { over_ = true; }

  Engine& engine_;
  Options options_;
  LineEditor editor_;
  Conversation conversation_;
  std::optional<AnswerSummary> last_;
  uint64_t last_seed_ = 0;
  uint64_t retries_ = 0;  // of the last answer: with a fixed seed each gets another one
  bool terminal_;
  bool over_ = false;
};

}  // namespace pingti
