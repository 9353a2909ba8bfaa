// Shows a pull's progress: a bar on a terminal, plain lines elsewhere (both on stderr), or JSON lines on
// stdout for machines.
#pragma once

#include <cstdint>
#include <string>

#include "hub/progress.h"

namespace pingti {

class PullProgress : public ProgressSink {
 public:
  enum class Style { kBar, kLines, kJson };
  explicit PullProgress(Style style) : style_(style) {}
  ~PullProgress() override { end_bar(); }
  void on_event(const PullEvent& event) override;
  // Ends an unfinished bar's line, before something else is printed.
  void end_bar();

 private:
  void show_bar(const PullEvent& event);
  void show_line(const PullEvent& event);

  Style style_;
  bool bar_open_ = false;
  uint64_t next_tenth_ = 0;  // of the file, for plain lines
};

}  // namespace pingti
