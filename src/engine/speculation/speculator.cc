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
// From which drafts that take time are made: estimates are rough, and catching up is not counted.
constexpr double kLeastCostlyGain = 1.05;
// More of them gain little, and bind the sequence while free drafts may have found something.
constexpr int kMostCostlyTokens = 8;
constexpr double kGainMemory = 0.85;  // per step

}  // namespace

// What could be verified of one sequence.
struct Speculator::Offer {
  Sequence* sequence;
  int most;    // tokens
  bool probe;  // a short draft is due although none may pay
  std::vector<DraftToken> draft;
  size_t drafter = 0;
  bool worth = true;  // the draft was made because it was expected to pay
  DraftChances chances;
  double gain = 1;  // if only this sequence's draft is verified
};

Speculator::Speculator(std::vector<std::unique_ptr<Drafter>> drafters, const SpeculationLimits& limits)
    : drafters_(std::move(drafters)), limits_(limits), acceptance_(drafters_.size()) {
  for (size_t d = 0; d < drafters_.size(); ++d) {
    for (int e = 0; e < kEvidenceClasses; ++e)
      acceptance_[d].assumed[static_cast<size_t>(e)] = drafters_[d]->assumed_chance(e);
  }
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
  for (DrafterAcceptance& all : acceptance_) own.acceptance.emplace_back(&all);
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

// Whether a draft that takes time is expected to be worth it.
bool Speculator::pays(size_t drafter, const Offer& offer, int decode_rows, double drafting) const {
  if (drafting == 0) return true;  // free, or not tried yet
  const double chance = offer.sequence->speculation.acceptance[drafter].overall_chance();
  DraftChances expected;
  double all = 1;
  for (int i = 0; i < std::min(offer.most, kMostCostlyTokens); ++i) expected.push_back(all *= chance);
  // While free drafts do better, it is better to reach the next of them.
  const double least = std::max({kLeastCostlyGain, offer.gain, offer.sequence->speculation.free_gain});
  return lone_gain(expected, decode_rows, drafting) > least;
}

void Speculator::ask(size_t drafter, std::vector<Offer>& offers, int decode_rows) {
  std::vector<DraftTarget> targets;
  std::vector<std::pair<Offer*, bool>> asked;
  const double drafting = drafters_[drafter]->seconds_per_token(decode_rows);
  const double plain = cost_.seconds(decode_rows);
  for (Offer& offer : offers) {
    if (!limits_.adaptive && !offer.draft.empty()) continue;
    const bool worth = !limits_.adaptive || pays(drafter, offer, decode_rows, drafting);
    if (!worth && !offer.probe) continue;
    SequenceSpeculation& own = offer.sequence->speculation;
    DraftTarget target{.tokens = offer.sequence->tokens,
                       .salt = offer.sequence->request->request.cache_salt,
                       .sampler = &offer.sequence->sampler,
                       .state = &own.states[drafter],
                       .acceptance = &own.acceptance[drafter],
                       .most = worth ? offer.most : std::min(offer.most, kProbeTokens)};
    if (limits_.adaptive && drafting > 0) target.most = std::min(target.most, kMostCostlyTokens);
    if (limits_.adaptive && drafting > 0 && plain > 0) {
      const double row = (cost_.seconds(decode_rows + offer.most) - plain) / offer.most;
      target.least_chance = worth ? (drafting + row) * decode_rows / plain : 0;
    }
    targets.push_back(std::move(target));
    asked.push_back({&offer, worth});
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
    auto& [offer_pointer, worth] = asked[i];
    Offer& offer = *offer_pointer;
    DraftChances own = chances(offer, drafter, targets[i].draft);
    const double gain = lone_gain(own, decode_rows, 0);
    if (!offer.draft.empty() && gain <= offer.gain) continue;
    offer.draft = std::move(targets[i].draft);
    offer.drafter = drafter;
    offer.worth = worth;
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
    own.probing = limits_.adaptive && (tokens[i] == 0 || !offer.worth);
    offer.draft.resize(static_cast<size_t>(count));
    own.draft = std::move(offer.draft);
    own.drafter = offer.drafter;
  }
}

void Speculator::verified(Sequence& sequence, int accepted) {
  SequenceSpeculation& own = sequence.speculation;
  if (own.states.empty()) return;
  const double seconds = cost_.seconds(1 + static_cast<int>(own.draft.size()));
  if (seconds > 0 && drafters_[own.drafter]->seconds_per_token(1) == 0) {
    const double gain = (1 + accepted) * cost_.seconds(1) / seconds;
    own.free_gain = kGainMemory * own.free_gain + (1 - kGainMemory) * gain;
  }
  if (own.draft.empty()) return;
  own.acceptance[own.drafter].record(own.draft, accepted);
  if (own.probing) {
    own.probe_after = std::min(kLastProbe, 2 * own.probe_after);
  } else if (accepted > 0) {
    own.probe_after = kFirstProbe;
  }
  own.drafted += static_cast<int64_t>(own.draft.size());
  own.accepted += accepted;
  ++stats_.drafts;
  stats_.drafted_tokens += own.draft.size();
  stats_.accepted_tokens += static_cast<uint64_t>(accepted);
  for (int i = 0; i < accepted; ++i) ++stats_.accepted_at[static_cast<size_t>(i)];
  own.draft.clear();
}

}  // namespace pingti
