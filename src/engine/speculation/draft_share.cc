#include "engine/speculation/draft_share.h"

#include <algorithm>

namespace pingti {
namespace {

// Expected gains below this drown in what is not counted (drawing, guesses wrong about the cost).
constexpr double kLeastGain = 1.02;

struct Candidate {
  double chance;
  size_t sequence;
};

}  // namespace

DraftShare share_draft_rows(std::span<const DraftChances> drafts, int decode_rows, int most_rows,
                            const StepCost& cost, double drafting) {
  DraftShare best{.tokens = std::vector<int>(drafts.size(), 0)};
  const double plain = cost.seconds(decode_rows);
  if (plain <= 0) return best;
  std::vector<Candidate> candidates;
  for (size_t i = 0; i < drafts.size(); ++i) {
    for (const double chance : drafts[i]) candidates.push_back({chance, i});
  }
  std::ranges::stable_sort(candidates, std::greater{}, &Candidate::chance);
  candidates.resize(std::min(candidates.size(), static_cast<size_t>(std::max(0, most_rows))));

  std::vector<int> tokens(drafts.size(), 0);
  double expected = decode_rows;
  int deepest = 0;
  double best_gain = kLeastGain;
  for (size_t i = 0; i < candidates.size(); ++i) {
    expected += candidates[i].chance;
    deepest = std::max(deepest, ++tokens[candidates[i].sequence]);
    const double seconds = cost.seconds(decode_rows + static_cast<int>(i) + 1) + drafting * deepest;
    const double gain = (expected / seconds) / (decode_rows / plain);
    if (gain <= best_gain) continue;
    best_gain = gain;
    best = {.tokens = tokens, .gain = gain};
  }
  return best;
}

}  // namespace pingti
