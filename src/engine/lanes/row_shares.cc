#include "engine/lanes/row_shares.h"

#include <algorithm>
#include <cmath>

namespace pingti {

std::vector<int> RowShares::divide(int rows, std::span<const int64_t> wanted) {
  const size_t lanes = shares_.size();
  double active = 0;
  for (size_t lane = 0; lane < lanes; ++lane) active += wanted[lane] > 0 ? shares_[lane] : 0;
  std::vector<int> given(lanes, 0);
  int left = rows;
  const auto missing = [&](size_t lane) {
    return static_cast<int>(std::min<int64_t>(wanted[lane] - given[lane], left));
  };
  const auto give = [&](size_t lane, int count) {
    given[lane] += count;
    left -= count;
  };
  for (size_t lane = 0; lane < lanes; ++lane) {
    credit_[lane] = wanted[lane] > 0 ? credit_[lane] + rows * shares_[lane] / active : 0;
    const int whole = std::min(static_cast<int>(std::floor(std::max(0.0, credit_[lane]))), missing(lane));
    give(lane, whole);
    credit_[lane] -= whole;
  }
  // The fractions: one row each to those that are owed most.
  for (size_t turn = 0; turn < lanes && left > 0; ++turn) {
    const auto owed = [&](size_t lane) { return missing(lane) > 0 ? credit_[lane] : 0; };
    size_t most = 0;
    for (size_t lane = 1; lane < lanes; ++lane) most = owed(lane) > owed(most) ? lane : most;
    if (owed(most) <= 0) break;
    give(most, 1);
    credit_[most] -= 1;
  }
  for (size_t lane = 0; lane < lanes; ++lane) give(lane, std::max(0, missing(lane)));
  for (size_t lane = 0; lane < lanes; ++lane) {
    if (given[lane] >= wanted[lane]) credit_[lane] = 0;
  }
  return given;
}

}  // namespace pingti
