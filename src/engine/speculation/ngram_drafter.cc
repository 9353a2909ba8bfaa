#include "engine/speculation/ngram_drafter.h"

#include <algorithm>
#include <array>

#include "engine/speculation/ngram_index.h"

namespace pingti {
namespace {

struct IndexState final : DraftState {
  NgramIndex index;
};

// Classes of evidence: the shortest match of each, in tokens.
constexpr std::array kMatchLengths = {2, 3, 4, 5, 6, 8, 10, 13, 17, 25, 33, 49};
static_assert(kMatchLengths.size() <= kEvidenceClasses);

// Of code and prose together.
constexpr std::array kAssumed = {0.25, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.92, 0.95};
static_assert(kAssumed.size() == kMatchLengths.size());

int evidence_of(int match_length) {
  const auto above = std::ranges::upper_bound(kMatchLengths, match_length);
  return static_cast<int>(above - kMatchLengths.begin()) - 1;
}

void propose_one(DraftTarget& target) {
  if (*target.state == nullptr) *target.state = std::make_unique<IndexState>();
  NgramIndex& index = static_cast<IndexState&>(**target.state).index;
  index.extend(target.tokens);
  const auto match = index.find(target.tokens);
  if (!match) return;
  const auto size = static_cast<int64_t>(target.tokens.size());
  for (int i = 0; i < target.most; ++i) {
    // A repetition that runs into the end of the sequence goes on with what was just drafted.
    const int64_t from = match->next + i;
    const int32_t token = from < size ? target.tokens[static_cast<size_t>(from)]
                                      : target.draft[static_cast<size_t>(from - size)].token;
    target.draft.push_back({token, evidence_of(match->length + i)});
  }
}

}  // namespace

double NgramDrafter::assumed_chance(int evidence) const {
  return static_cast<size_t>(evidence) < kAssumed.size() ? kAssumed[static_cast<size_t>(evidence)] : 0;
}

void NgramDrafter::propose(std::span<DraftTarget> targets) {
  for (DraftTarget& target : targets) propose_one(target);
}

}  // namespace pingti
