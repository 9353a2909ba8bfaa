// How many prompt rows a step may compute, and how long prompts take.
//
// Bounds by time, measured on this machine, instead of by a row count tuned to another one. Steps that
// compute prompts are fitted by a line, seconds = fixed + per_row * rows: reading the weights and the decode
// rows beside them cost the same however many prompt rows there are. Changes no result: rows do not depend on
// how prompts are chunked.
#pragma once

#include <algorithm>

namespace pingti {

// The measured cost of computing prompts in steps of `rows` rows. Plain data, copied between threads.
struct PrefillCost {
  double fixed = 0;    // seconds a step
  double per_row = 0;  // seconds; 0: nothing measured
  int rows = 1;        // of a step, as steps have been going

  bool known() const { return per_row > 0; }
  double seconds(double tokens) const { return tokens * (per_row + fixed / rows); }
};

class PrefillPacer {
 public:
  // The longest pause between two tokens of a running answer.
  static constexpr double kPauseSeconds = 0.25;
  // How long a small prompt may have to wait until a step ends that computes only larger ones.
  static constexpr double kLaneSeconds = 0.5;
  // While nobody waits for anything: until a cancelled request is dropped and the heartbeat moves.
  static constexpr double kStepSeconds = 5;
  static constexpr int kLeastRows = 32;

  explicit PrefillPacer(int chunk) : chunk_(chunk) {}

  // Rows that take about so many seconds.
  int rows(double seconds) const {
    const int least = std::min(kLeastRows, chunk_);
    if (weight_ == 0) return least;  // the first step measures
    const Line line = fit();
    const double rows = std::max(0.0, (seconds - line.fixed) / line.per_row);
    return std::clamp(static_cast<int>(std::min(rows, static_cast<double>(chunk_))), least, chunk_);
  }

  // A step with this many prompt rows took so long.
  void measured(int prefill_rows, double seconds) {
    if (prefill_rows < std::min(kLeastRows, chunk_)) return;
    constexpr double kKept = 0.9;  // of each older measurement's weight
    const double rows = prefill_rows;
    for (double* sum : {&weight_, &rows_, &seconds_, &rows_rows_, &rows_seconds_}) *sum *= kKept;
    weight_ += 1;
    rows_ += rows;
    seconds_ += seconds;
    rows_rows_ += rows * rows;
    rows_seconds_ += rows * seconds;
  }

  PrefillCost cost() const {
    if (weight_ == 0) return {};
    const Line line = fit();
    return {line.fixed, line.per_row, std::max(1, static_cast<int>(rows_ / weight_))};
  }

 private:
  struct Line {
    double fixed;
    double per_row;
  };

  // Least squares; through the origin where steps are too much alike to tell the two apart.
  Line fit() const {
    const double mean_rows = rows_ / weight_;
    const double mean_seconds = seconds_ / weight_;
    const Line through_origin{0, std::max(mean_seconds / mean_rows, 1e-12)};
    const double variance = rows_rows_ / weight_ - mean_rows * mean_rows;
    if (variance < 0.04 * mean_rows * mean_rows) return through_origin;
    // Rows never cost much less than on average: noise must not make steps of any length look cheap.
    const double slope = std::max(0.25 * through_origin.per_row,
                                  (rows_seconds_ / weight_ - mean_rows * mean_seconds) / variance);
    const double fixed = mean_seconds - slope * mean_rows;
    return fixed > 0 ? Line{fixed, slope} : through_origin;
  }

  int chunk_;
  double weight_ = 0;  // decayed sums over steps: of 1, rows, seconds, rows^2, rows * seconds
  double rows_ = 0;
  double seconds_ = 0;
  double rows_rows_ = 0;
  double rows_seconds_ = 0;
};

}  // namespace pingti
