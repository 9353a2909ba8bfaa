#include "engine/lanes/slot_shares.h"

#include <algorithm>
#include <tuple>

namespace pingti {

int SlotShares::next(std::span<const int64_t> held, const std::vector<bool>& wants) const {
  int best = -1;
  const auto rank = [&](size_t lane) {
    return std::tuple(static_cast<double>(held[lane]) / shares_[lane], given_[lane]);
  };
  for (size_t lane = 0; lane < shares_.size(); ++lane) {
    if (wants[lane] && (best < 0 || rank(lane) < rank(static_cast<size_t>(best))))
      best = static_cast<int>(lane);
  }
  return best;
}

// A lane that asked for nothing meanwhile must not have saved up turns: it is brought level with the one
// served now.
void SlotShares::gave(int lane, const std::vector<bool>& wants) {
  const auto index = static_cast<size_t>(lane);
  for (size_t other = 0; other < shares_.size(); ++other) {
    if (!wants[other]) given_[other] = std::max(given_[other], given_[index]);
  }
  given_[index] += 1 / shares_[index];
}

}  // namespace pingti
