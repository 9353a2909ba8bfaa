#include "engine/speculation/acceptance.h"

#include <algorithm>
#include <numeric>

namespace pingti {
namespace {

constexpr double kAssumedOverall = 0.7;
constexpr double kAssumedWeight = 3;
constexpr double kSharedWeight = 4;  // trials of its own before a sequence outweighs the others
constexpr double kOwnMemory = 0.97;  // per trial of the class
constexpr double kSharedMemory = 0.998;

}  // namespace

void AcceptanceTally::record(int evidence, bool accepted, double memory) {
  const auto i = static_cast<size_t>(evidence);
  trials_[i] = trials_[i] * memory + 1;
  accepted_[i] = accepted_[i] * memory + (accepted ? 1 : 0);
}

double AcceptanceTally::rate(int evidence, double assumed, double weight) const {
  const auto i = static_cast<size_t>(evidence);
  return (accepted_[i] + assumed * weight) / (trials_[i] + weight);
}

double AcceptanceTally::overall_rate(double assumed, double weight) const {
  const double accepted = std::accumulate(accepted_.begin(), accepted_.end(), 0.0);
  const double trials = std::accumulate(trials_.begin(), trials_.end(), 0.0);
  return (accepted + assumed * weight) / (trials + weight);
}

double SequenceAcceptance::chance(int evidence) const {
  const double assumed = all_->assumed[static_cast<size_t>(evidence)];
  const double shared = all_->tally.rate(evidence, assumed, kAssumedWeight);
  return own_.rate(evidence, shared, kSharedWeight);
}

double SequenceAcceptance::overall_chance() const {
  return own_.overall_rate(all_->tally.overall_rate(kAssumedOverall, kAssumedWeight), kSharedWeight);
}

void SequenceAcceptance::record(std::span<const DraftToken> draft, int accepted) {
  const size_t seen = std::min(draft.size(), static_cast<size_t>(accepted) + 1);
  for (size_t i = 0; i < seen; ++i) {
    const bool right = i < static_cast<size_t>(accepted);
    own_.record(draft[i].evidence, right, kOwnMemory);
    all_->tally.record(draft[i].evidence, right, kSharedMemory);
  }
}

}  // namespace pingti
