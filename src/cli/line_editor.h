// Lines from a person: editing and history through libedit on a terminal, plain lines otherwise. UTF-8.
#pragma once

#include <memory>
#include <string>

namespace pingti {

class LineEditor {
 public:
  enum class Outcome { kLine, kEnd, kInterrupted };

  // history_file: read now, written after every line; empty: none. Needs an InterruptGuard while reading.
  explicit LineEditor(std::string history_file);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  // Fills *line without its line end. kInterrupted: Ctrl-C; kEnd: Ctrl-D on an empty line, or no more input.
  Outcome read(const std::string& prompt, std::string* line);
  // Puts an entry into the history (on a terminal).
  void remember(const std::string& line);

 private:
  struct Terminal;
  std::unique_ptr<Terminal> terminal_;  // null when stdin is no terminal
  std::string history_file_;
};

// $XDG_STATE_HOME/pingti/chat_history, or ~/.local/state/...; its folder is made. Empty where there is no
// home.
std::string default_history_file();

}  // namespace pingti
