// Speculative decoding as the engine sees it: gives decoding sequences drafted tokens to verify, as many as
// are expected to pay on this machine at this load, and learns from what comes of them.
//
// What it decides depends on measured time and changes from run to run; what the sequences answer does not.
// Used by the engine's thread alone.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/engine.h"
#include "engine/speculation/draft_share.h"
#include "engine/speculation/drafter.h"
#include "engine/speculation/step_cost.h"

namespace pingti {

struct Sequence;

struct SpeculationLimits {
  int draft_max = 32;    // drafted tokens of one sequence in one step
  int draft_min = 0;     // shorter drafts are not verified
  bool adaptive = true;  // false: everything drafted is verified, whether it pays or not
};

// What a sequence carries for its speculation.
struct SequenceSpeculation {
  std::vector<DraftToken> draft;                    // to be verified in the coming step
  size_t drafter = 0;                               // that made it
  std::vector<std::unique_ptr<DraftState>> states;  // [drafter]
  std::vector<SequenceAcceptance> acceptance;       // [drafter]
  int idle_steps = 0;                               // since the last draft, while there was something to try
  bool probing = false;                             // the draft is such a one
  double free_gain = 1;  // what drafts that cost nothing have brought lately: 1 is nothing
  int probe_after = 0;   // so many of these, and a short draft is tried anyway
  int64_t drafted = 0;
  int64_t accepted = 0;
};

class Speculator {
 public:
  // Tried in this order; of several drafts of a sequence the one that promises most is verified.
  Speculator(std::vector<std::unique_ptr<Drafter>> drafters, const SpeculationLimits& limits);

  bool enabled() const { return !drafters_.empty(); }
  // Most drafted tokens of all sequences in one step.
  int most_rows() const;

  // Sets the draft of every sequence: empty for those that are not decoding.
  void propose(std::span<Sequence* const> running);
  // The step has drawn: so many of the sequence's drafted tokens were kept.
  void verified(Sequence& sequence, int accepted);
  // A step of these rows, none of a prompt, took so long.
  void measured(int decode_rows, double seconds) { cost_.measured(decode_rows, seconds); }
  void measured_prompt(int rows, double seconds);

  const SpeculationStats& stats() const { return stats_; }

 private:
  struct Offer;
  void prepare(Sequence& sequence);
  void ask(size_t drafter, std::vector<Offer>& offers, int decode_rows);
  bool pays(size_t drafter, const Offer& offer, int decode_rows, double drafting) const;
  DraftChances chances(const Offer& offer, size_t drafter, std::span<const DraftToken> draft) const;
  double lone_gain(const DraftChances& chances, int decode_rows, double drafting) const;
  void share(std::vector<Offer>& offers, int decode_rows);

  std::vector<std::unique_ptr<Drafter>> drafters_;
  SpeculationLimits limits_;
  std::vector<DrafterAcceptance> acceptance_;  // [drafter]; sequences point into it
  StepCost cost_;
  SpeculationStats stats_;
};

}  // namespace pingti
