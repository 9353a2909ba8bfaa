// Which of two sequences comes first where only one can: for pages, and for a place within a lane.
//
// A strict total order at any one moment: sequences that have aged (their request arrived ageing_seconds ago
// or longer) by arrival; then the others by priority, lane and arrival. A request thus waits for better ones
// only until it has aged, and from then on only for those that came before it.
#pragma once

#include <chrono>
#include <tuple>

#include "engine/sequence.h"

namespace pingti {

class Precedence {
 public:
  using Clock = std::chrono::steady_clock;

  Precedence(Clock::time_point now, double ageing_seconds)
      : aged_before_(now - std::chrono::duration_cast<Clock::duration>(
                               std::chrono::duration<double>(ageing_seconds))) {}

  bool aged(const Sequence& sequence) const { return sequence.request->arrived <= aged_before_; }

  bool operator()(const Sequence& a, const Sequence& b) const {
    if (aged(a) != aged(b)) return aged(a);
    if (aged(a)) return older(a, b);
    const auto rank = [](const Sequence& s) {
      return std::tuple(s.request->request.priority, s.request->lane);
    };
    return rank(a) != rank(b) ? rank(a) < rank(b) : older(a, b);
  }

 private:
  Clock::time_point aged_before_;
};

}  // namespace pingti
