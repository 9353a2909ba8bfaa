// How requests are sorted into lanes, and what each lane gets.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"

namespace pingti {

struct LaneSettings {
  std::vector<LaneInfo> lanes = {{"S", 1024, 60, 256}, {"M", 8192, 20, 128}, {"L", INT64_MAX, 20, 64}};
  double ageing_seconds = 30;

  size_t count() const { return lanes.size(); }
  // The lane of a request that is expected to need so many tokens, prompt and answer together.
  int lane_of(int64_t tokens) const;
  // Of all shares, this lane's: 0..1.
  double share_of(size_t lane) const;
};

// One line for all, as long as the three queues together.
LaneSettings without_lanes(const LaneSettings& settings);

// From the options' texts. Errors: "engine.option" with the option, the value and what is wanted.
Result<LaneSettings> parse_lanes(const EngineOptions& options);

}  // namespace pingti
