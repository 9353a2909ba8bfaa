// Which lane the next free place in the batch goes to.
//
// The lane that holds the fewest places for its share; of equal ones, the one that has been given the fewest
// for its share so far (start-time fair queueing), so that even a batch of one place turns to every lane.
// A lane that wants nothing leaves its places to the others.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace pingti {

class SlotShares {
 public:
  explicit SlotShares(std::vector<double> shares) : shares_(std::move(shares)), given_(shares_.size(), 0) {}

  // held[lane]: places it has. wants[lane]: whether it asks for one. -1: none asks.
  int next(std::span<const int64_t> held, const std::vector<bool>& wants) const;
  // The place went to this lane. wants: as it was.
  void gave(int lane, const std::vector<bool>& wants);

 private:
  std::vector<double> shares_;
  std::vector<double> given_;  // places given so far / share
};

}  // namespace pingti
