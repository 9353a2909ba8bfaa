// How often drafted tokens turn out right, learned per class of evidence: a token that continues a long
// repetition is right more often than one that continues a short one.
#pragma once

#include <array>
#include <span>

#include <cstdint>

namespace pingti {

constexpr int kEvidenceClasses = 16;

struct DraftToken {
  int32_t token = 0;
  int evidence = 0;  // class, 0..kEvidenceClasses - 1, of the drafter's own choosing
};

// Trials and successes of recent tokens: older ones count less.
class AcceptanceTally {
 public:
  void record(int evidence, bool accepted, double memory);

  // Success rate of a class, given the rate assumed before anything was seen and how many trials that
  // assumption is worth.
  double rate(int evidence, double assumed, double weight) const;
  double overall_rate(double assumed, double weight) const;

 private:
  std::array<double, kEvidenceClasses> trials_{};
  std::array<double, kEvidenceClasses> accepted_{};
};

// All sequences' guesses by one drafter.
struct DrafterAcceptance {
  std::array<double, kEvidenceClasses> assumed{};  // rates before anything was seen
  AcceptanceTally tally;
};

// One sequence's guesses by one drafter; what all sequences have seen stands in for what this one has not.
class SequenceAcceptance {
 public:
  // `all` outlives the sequence.
  explicit SequenceAcceptance(DrafterAcceptance* all) : all_(all) {}

  // That a token of this class is kept, if all before it are.
  double chance(int evidence) const;
  // The same of a token yet to be guessed.
  double overall_chance() const;
  // Of the draft, the first `accepted` were kept; the one after them, if any, was wrong; others were not
  // looked at.
  void record(std::span<const DraftToken> draft, int accepted);

 private:
  AcceptanceTally own_;
  DrafterAcceptance* all_;
};

}  // namespace pingti
