// What /metrics says of the engine's lanes and of what it could still take on.
#pragma once

#include <prometheus/labels.h>

#include "engine/engine.h"
#include "server/gathered.h"

namespace pingti {

// How much more the engine could take, 1 (idle) to 0: what is left of the scarcest of the KV memory, the
// places in the batch, and kBacklogSeconds of prompts waiting to be computed. For autoscalers.
double capacity_left(const EngineInfo& info, const EngineStats& stats);

void add_lane_figures(const EngineInfo& info, const EngineStats& stats, const prometheus::Labels& labels,
                      Gathered* out);

}  // namespace pingti
