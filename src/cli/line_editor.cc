#include "cli/line_editor.h"

#include <histedit.h>
#include <langinfo.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdlib>
#include <cstring>
#include <cwchar>
#include <filesystem>
#include <iostream>

#include "cli/interrupt.h"

namespace pingti {
namespace {

constexpr int kHistoryLines = 1000;

// libedit decodes input by the locale; a terminal that speaks UTF-8 under LANG=C is common in containers.
void use_utf8_locale() {
  std::setlocale(LC_CTYPE, "");
  if (std::strcmp(::nl_langinfo(CODESET), "UTF-8") != 0) std::setlocale(LC_CTYPE, "C.UTF-8");
}

// One character for libedit: 1, 0 at the end of input, -1 on Ctrl-C. (libedit's own reader would retry.)
int read_character(EditLine*, wchar_t* out) {
  std::mbstate_t state{};
  for (int length = 0; length < 8;) {
    if (InterruptGuard::pending()) return -1;
    char byte = 0;
    const ssize_t got = ::read(STDIN_FILENO, &byte, 1);
    if (got == 0) return 0;
    if (got < 0) {
      if (errno == EINTR) continue;
      return -1;
    }
    ++length;
    const size_t used = std::mbrtowc(out, &byte, 1, &state);
    if (used == static_cast<size_t>(-2)) continue;  // more bytes belong to it
    if (used == static_cast<size_t>(-1)) {          // not UTF-8: skip the byte
      state = {};
      length = 0;
      continue;
    }
    return 1;
  }
  return -1;
}

}  // namespace

struct LineEditor::Terminal {
  EditLine* edit = nullptr;
  History* history = nullptr;
  std::string prompt;

  Terminal() {
    use_utf8_locale();
    edit = ::el_init("pingti", stdin, stdout, stderr);
    history = ::history_init();
    HistEvent event;
    ::history(history, &event, H_SETSIZE, kHistoryLines);
    ::history(history, &event, H_SETUNIQUE, 1);
    ::el_set(edit, EL_CLIENTDATA, this);
    ::el_set(edit, EL_EDITOR, "emacs");
    ::el_set(edit, EL_SIGNAL, 0);
    ::el_set(edit, EL_HIST, ::history, history);
    ::el_set(edit, EL_GETCFN, &read_character);
    ::el_set(
        edit, EL_PROMPT, +[](EditLine* self) {
          void* data = nullptr;
          ::el_get(self, EL_CLIENTDATA, &data);
          return static_cast<Terminal*>(data)->prompt.data();
        });
    ::el_source(edit, nullptr);
  }
  ~Terminal() {
    ::el_end(edit);
    ::history_end(history);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
};

LineEditor::LineEditor(std::string history_file) : history_file_(std::move(history_file)) {
  if (::isatty(STDIN_FILENO) != 1) return;
  terminal_ = std::make_unique<Terminal>();
  HistEvent event;
  if (!history_file_.empty()) ::history(terminal_->history, &event, H_LOAD, history_file_.c_str());
}

LineEditor::~LineEditor() = default;

LineEditor::Outcome LineEditor::read(const std::string& prompt, std::string* line) {
  line->clear();
  if (!terminal_) return std::getline(std::cin, *line) ? Outcome::kLine : Outcome::kEnd;
  terminal_->prompt = prompt;
  int length = 0;
  const char* text = ::el_gets(terminal_->edit, &length);
  if (InterruptGuard::take()) {
    std::cout << "\n" << std::flush;
    ::el_reset(terminal_->edit);
    return Outcome::kInterrupted;
  }
  if (text == nullptr || length <= 0) return Outcome::kEnd;
  line->assign(text, static_cast<size_t>(length));
  while (!line->empty() && (line->back() == '\n' || line->back() == '\r')) line->pop_back();
  return Outcome::kLine;
}

void LineEditor::remember(const std::string& line) {
  if (!terminal_ || line.empty()) return;
  HistEvent event;
  ::history(terminal_->history, &event, H_ENTER, line.c_str());
  if (history_file_.empty()) return;
  const mode_t before = ::umask(0077);  // what people typed is nobody else's business
  ::history(terminal_->history, &event, H_SAVE, history_file_.c_str());
  ::umask(before);
}

std::string default_history_file() {
  std::filesystem::path folder;
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state == '/') {
    folder = state;
  } else if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') {
    folder = std::filesystem::path(home) / ".local" / "state";
  } else {
    return {};
  }
  folder /= "pingti";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  return error ? std::string() : (folder / "chat_history").string();
}

}  // namespace pingti
