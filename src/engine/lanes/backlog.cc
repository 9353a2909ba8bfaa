#include "engine/lanes/backlog.h"

#include <algorithm>

namespace pingti {

double predict_first_token(std::span<const PendingPrompt> pending, const EnginePace& pace,
                           const LaneSettings& lanes, int lane, int priority, int64_t tokens) {
  if (!pace.prefill.known()) return 0;
  double own = 0;
  double all = 0;
  int64_t before = 0;  // choices that get a place first
  for (const PendingPrompt& prompt : pending) {
    if (prompt.lane == lane && prompt.priority > priority) continue;
    all += static_cast<double>(prompt.tokens);
    if (prompt.lane != lane) continue;
    own += static_cast<double>(prompt.tokens);
    before += prompt.waiting ? 1 : 0;
  }
  const double mine = static_cast<double>(tokens);
  const double share = lanes.share_of(static_cast<size_t>(lane));
  const double computing =
      std::min(pace.prefill.seconds(all + mine), pace.prefill.seconds((own + mine) / share));
  const auto short_of =
      static_cast<double>(std::max<int64_t>(0, pace.places_held + before + 1 - pace.places));
  const double place =
      short_of * pace.choice_seconds / static_cast<double>(std::max<int64_t>(1, pace.places));
  return std::max(computing, place + pace.prefill.seconds(mine));
}

}  // namespace pingti
