// What is still to be computed before a new request's first token, and how long that takes.
#pragma once

#include <cstdint>
#include <span>

#include "engine/lanes/lane_settings.h"
#include "engine/prefill_pacer.h"

namespace pingti {

// A choice in the engine whose prompt is not computed to its end, or that waits for a place.
struct PendingPrompt {
  int lane = 0;
  int priority = 0;
  int64_t tokens = 0;    // to compute
  bool waiting = false;  // for a place in the batch
};

// How fast work has been done. Plain data, copied between threads.
struct EnginePace {
  PrefillCost prefill;
  double choice_seconds = 0;  // mean time a choice holds its place in the batch
  int64_t places = 1;         // in the batch
  int64_t places_held = 0;
};

// Seconds until the first token of a request of `tokens` prompt tokens; 0 while nothing has been measured.
//
// Two bounds, of which the smaller holds: all prompts at the full rate (no row is left idle), and the lane's
// own at its share of the rate. Of the own lane, only what has the same or a better priority comes before. A
// request that must wait for a place waits for as many answers to end as stand before it.
double predict_first_token(std::span<const PendingPrompt> pending, const EnginePace& pace,
                           const LaneSettings& lanes, int lane, int priority, int64_t tokens);

}  // namespace pingti
