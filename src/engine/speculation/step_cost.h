// How long a step of so many rows takes on this machine, learned from the steps themselves.
//
// No shape is assumed but that more rows never take less time: a product reads its weights once for few rows
// and computes more for many, and where the one turns into the other differs between machines and models. The
// level (context depth, a core taken away) is followed quickly and for all row counts at once.
#pragma once

#include <array>

namespace pingti {

class StepCost {
 public:
  static constexpr int kMostRows = 128;  // larger steps are taken as this many

  // A step of `rows` rows took so long.
  void measured(int rows, double seconds);
  // What one more row adds when there are many, from prompts: stands in for row counts never tried.
  void assume_row(double seconds) { assumed_row_ = seconds; }

  // 0 before the first measurement.
  double seconds(int rows) const;

 private:
  double shape(int rows) const;

  double level_ = 1;
  double assumed_row_ = 0;
  std::array<double, kMostRows + 1> shape_{};  // [rows]: seconds at level 1, 0 where not measured
};

}  // namespace pingti
