#include "engine/speculation/speculator.h"

#include <algorithm>
#include <exception>

#include "engine/sequence.h"

namespace pingti {
namespace {

constexpr int kMostDraftRows = 64;
constexpr int kPromptRows = 32;  // fewer say little about the cost of a further row
constexpr int kProbeTokens = 2;
constexpr int kFirstProbe = 16;
constexpr int kLastProbe = 1024;

}  // namespace

// What could be verified of one sequence.
struct Speculator::Offer {
  Sequence* sequence;
  int most;    // tokens
  bool probe;  // a short draft is due although none may pay
  std::vector<DraftToken> draft;
  size_t drafter = 0;
  DraftChances chances;
  double gain = 1;  // if only this sequence's draft is verified
};

Speculator::Speculator(std::vector<std::unique_ptr<Drafter>> drafters, const SpeculationLimits& limits)
    : drafters_(std::move(drafters)), limits_(limits), tallies_(drafters_.size()) {
  stats_.accepted_at.resize(static_cast<size_t>(std::max(0, limits_.draft_max)));
}

int Speculator::most_rows() const { return enabled() ? std::max(limits_.draft_max, kMostDraftRows) : 0; }

void Speculator::measured_prompt(int rows, double seconds) {
  if (rows >= kPromptRows) cost_.assume_row(seconds / rows);
}

void Speculator::prepare(Sequence& sequence) {
  SequenceSpeculation& own = sequence.speculation;
  if (!own.states.empty()) return;
  own.states.resize(drafters_.size());
  for (AcceptanceTally& tally : tallies_) own.acceptance.emplace_back(&tally);
  own.probe_after = kFirstProbe;
}

void Speculator::propose(std::span<Sequence* const> running) {
  if (!enabled()) return;
  std::vector<Offer> offers;
  int decode_rows = 0;
  for (Sequence* sequence : running) {
    sequence->speculation.draft.clear();
    if (sequence->pending() != 1) continue;
    ++decode_rows;
    // The token after the draft is drawn, too.
    const int64_t room = sequence->limit - sequence->size() - 1;
    if (sequence->drawn == 0 || room < 1) continue;
    prepare(*sequence);
    const SequenceSpeculation& own = sequence->speculation;
    offers.push_back({.sequence = sequence,
                      .most = static_cast<int>(std::min<int64_t>(limits_.draft_max, room)),
                      .probe = own.idle_steps >= own.probe_after});
  }
  if (offers.empty()) return;
  for (size_t drafter = 0; drafter < drafters_.size(); ++drafter) ask(drafter, offers, decode_rows);
  share(offers, decode_rows);
}

bool Speculator::worth_asking(size_t drafter, const Offer& offer, int decode_rows) const {
  if (!limits_.adaptive) return offer.draft.empty();
  const double drafting = drafters_[drafter]->seconds_per_token(decode_rows);
  if (drafting == 0 || offer.probe) return true;
  const double chance = offer.sequence->speculation.acceptance[drafter].overall_chance();
  DraftChances expected;
  double all = 1;
  for (int i = 0; i < offer.most; ++i) expected.push_back(all *= chance);
  return lone_gain(expected, decode_rows, drafting) > offer.gain;
}

void Speculator::ask(size_t drafter, std::vector<Offer>& offers, int decode_rows) {
  std::vector<DraftTarget> targets;
  std::vector<Offer*> asked;
  const double drafting = drafters_[drafter]->seconds_per_token(decode_rows);
  const double plain = cost_.seconds(decode_rows);
  for (Offer& offer : offers) {
    if (!worth_asking(drafter, offer, decode_rows)) continue;
    SequenceSpeculation& own = offer.sequence->speculation;
    DraftTarget target{.tokens = offer.sequence->tokens,
                       .sampler = &offer.sequence->sampler,
                       .state = &own.states[drafter],
                       .acceptance = &own.acceptance[drafter],
                       .most = offer.most};
    if (limits_.adaptive && drafting > 0 && plain > 0) {
      const double row = (cost_.seconds(decode_rows + offer.most) - plain) / offer.most;
      target.least_chance = (drafting + row) * decode_rows / plain;
      if (offer.probe && lone_gain(offer.chances, decode_rows, 0) <= 1)
        target.most = std::min(offer.most, kProbeTokens);
    }
    targets.push_back(std::move(target));
    asked.push_back(&offer);
  }
  if (targets.empty()) return;
  try {
    drafters_[drafter]->propose(targets);
  } catch (const std::exception&) {  // memory refused, most likely: the answers go on without drafts
    for (DraftTarget& target : targets) target.state->reset();
    return;
  }
  for (size_t i = 0; i < targets.size(); ++i) {
    if (targets[i].draft.empty()) continue;
    Offer& offer = *asked[i];
    DraftChances own = chances(offer, drafter, targets[i].draft);
    const double gain = lone_gain(own, decode_rows, 0);
    if (!offer.draft.empty() && gain <= offer.gain) continue;
    offer.draft = std::move(targets[i].draft);
    offer.drafter = drafter;
    offer.chances = std::move(own);
    offer.gain = gain;
  }
}

DraftChances Speculator::chances(const Offer& offer, size_t drafter,
                                 std::span<const DraftToken> draft) const {
  const SequenceAcceptance& acceptance = offer.sequence->speculation.acceptance[drafter];
  DraftChances result;
  double all = 1;
  for (const DraftToken& token : draft) result.push_back(all *= acceptance.chance(token.evidence));
  return result;
}

double Speculator::lone_gain(const DraftChances& chances, int decode_rows, double drafting) const {
  return share_draft_rows(std::span(&chances, 1), decode_rows, most_rows(), cost_, drafting).gain;
}

void Speculator::share(std::vector<Offer>& offers, int decode_rows) {
  std::vector<DraftChances> drafts;
  for (const Offer& offer : offers) drafts.push_back(offer.chances);
  std::vector<int> tokens(offers.size());
  if (limits_.adaptive) tokens = share_draft_rows(drafts, decode_rows, most_rows(), cost_).tokens;
  int left = most_rows();
  for (size_t i = 0; i < offers.size(); ++i) {
    Offer& offer = offers[i];
    SequenceSpeculation& own = offer.sequence->speculation;
    int count = limits_.adaptive ? tokens[i] : static_cast<int>(offer.draft.size());
    if (limits_.adaptive && count == 0 && offer.probe)
      count = std::min(kProbeTokens, static_cast<int>(offer.draft.size()));
    count = std::min(count, left);
    if (count < limits_.draft_min) count = 0;
    left -= count;
    own.idle_steps = count > 0 ? 0 : own.idle_steps + 1;
    offer.draft.resize(static_cast<size_t>(count));
    own.draft = std::move(offer.draft);
    own.drafter = offer.drafter;
  }
}

void Speculator::verified(Sequence& sequence, int accepted) {
  SequenceSpeculation& own = sequence.speculation;
  if (own.draft.empty()) return;
  own.acceptance[own.drafter].record(own.draft, accepted);
  own.probe_after = accepted > 0 ? kFirstProbe : std::min(kLastProbe, 2 * own.probe_after);
  own.drafted += static_cast<int64_t>(own.draft.size());
  own.accepted += accepted;
  ++stats_.drafts;
  stats_.drafted_tokens += own.draft.size();
  stats_.accepted_tokens += static_cast<uint64_t>(accepted);
  for (int i = 0; i < accepted; ++i) ++stats_.accepted_at[static_cast<size_t>(i)];
  own.draft.clear();
}

}  // namespace pingti
