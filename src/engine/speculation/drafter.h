// Guesses of the tokens a sequence will draw next, for the target model to verify in one step
// (speculative decoding, Leviathan et al., arXiv 2211.17192).
//
// A guess changes no answer: every position is drawn from the target's own logits with its own randomness,
// and a guess is kept exactly when it equals that draw. So a drafter may be wrong, slow or asleep, but never
// harmful. It sees tokens alone; one that works on the target's hidden states (multi-token prediction heads)
// would find them as a further field of DraftTarget. Used by the engine's thread alone.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "engine/speculation/acceptance.h"
#include "sample/sampler.h"

namespace pingti {

// What a drafter keeps of one sequence between steps; it dies with the sequence.
class DraftState {
 public:
  virtual ~DraftState() = default;
};

struct DraftTarget {
  std::span<const int32_t> tokens;                 // prompt and answer so far
  std::string_view salt;                           // of its cached prefixes
  Sampler* sampler = nullptr;                      // draws as the target's tokens are drawn
  std::unique_ptr<DraftState>* state = nullptr;    // null at first
  const SequenceAcceptance* acceptance = nullptr;  // how this drafter's guesses have been doing
  int most = 0;                                    // tokens wanted at most, at least 1
  double least_chance = 0;                         // a token less likely than this to be kept does not pay
  std::vector<DraftToken> draft;                   // the answer
};

class Drafter {
 public:
  virtual ~Drafter() = default;

  virtual void propose(std::span<DraftTarget> targets) = 0;
  // How often a token of this class of evidence is right, as far as one can tell beforehand.
  virtual double assumed_chance(int evidence) const = 0;
  // What one more token for each of so many sequences takes; 0: nothing worth counting.
  virtual double seconds_per_token(int sequences) const = 0;
};

}  // namespace pingti
