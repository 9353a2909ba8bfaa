// How a step's prompt rows are shared among lanes.
//
// Weighted fair sharing over steps: each lane that has prompts to compute gets its share of the rows, with
// what a step could not give exactly (rows are whole) carried over, so that a lane of 20 % gets one row of
// five even when a step has only one. What a lane does not need goes to the others, smallest lane first, and
// is owed to nobody.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace pingti {

class RowShares {
 public:
  explicit RowShares(std::vector<double> shares) : shares_(std::move(shares)), credit_(shares_.size(), 0) {}

  // wanted[lane]: rows the lane could use. Returns rows for each; all are given out as long as any are
  // wanted.
  std::vector<int> divide(int rows, std::span<const int64_t> wanted);

 private:
  std::vector<double> shares_;
  std::vector<double> credit_;  // rows owed (or lent, below 0), less than one each between calls
};

}  // namespace pingti
