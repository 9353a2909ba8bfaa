// How many prompt rows a step may compute.
//
// Bounds by time, measured on this machine, instead of by a row count tuned to another one: the pause between
// two tokens of a running answer, and, while nobody waits for a token, the time until a cancelled request is
// dropped and the heartbeat moves. Changes no result: rows do not depend on how prompts are chunked.
#pragma once

#include <algorithm>

namespace pingti {

class PrefillPacer {
 public:
  static constexpr double kPauseSeconds = 0.25;
  static constexpr double kStepSeconds = 5;
  static constexpr int kLeastRows = 32;

  explicit PrefillPacer(int chunk) : chunk_(chunk) {}

  int rows(bool decoding) const {
    const int least = std::min(kLeastRows, chunk_);
    if (seconds_per_row_ == 0) return least;  // the first step measures
    const double rows = (decoding ? kPauseSeconds : kStepSeconds) / seconds_per_row_;
    return std::clamp(static_cast<int>(std::min(rows, static_cast<double>(chunk_))), least, chunk_);
  }

  // A step with this many prompt rows took so long.
  void measured(int prefill_rows, double seconds) {
    if (prefill_rows < std::min(kLeastRows, chunk_)) return;
    const double each = seconds / prefill_rows;
    seconds_per_row_ = seconds_per_row_ == 0 ? each : 0.8 * seconds_per_row_ + 0.2 * each;
  }

 private:
  int chunk_;
  double seconds_per_row_ = 0;
};

}  // namespace pingti
