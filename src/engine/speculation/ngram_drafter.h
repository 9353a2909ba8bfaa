// Drafts by repeating what followed when the sequence last stood as it does now: nothing to load, next to
// nothing to run, right where answers quote (code edits, retrieval, corrections).
#pragma once

#include "engine/speculation/drafter.h"

namespace pingti {

class NgramDrafter final : public Drafter {
 public:
  void propose(std::span<DraftTarget> targets) override;
  double assumed_chance(int evidence) const override;
  double seconds_per_token(int) const override { return 0; }
};

}  // namespace pingti
