#include "engine/scheduler.h"

#include <algorithm>
#include <new>

#include "base/check.h"

namespace pingti {
namespace {

// Positions of prompt tokens of whose rows something is kept.
struct ScoredRows {
  int64_t begin = 0;
  int64_t end = 0;
  int count() const { return static_cast<int>(std::max<int64_t>(0, end - begin)); }
};

// Rows that score the token after theirs.
ScoredRows scored_rows(const Sequence& sequence, int64_t rows) {
  if (!sequence.request->wants_prompt_logprobs()) return {};
  const auto known = static_cast<int64_t>(sequence.request->prompt_logprobs.size());
  return {std::max(sequence.computed, known),
          std::min(sequence.computed + rows, sequence.request->prompt_tokens() - 1)};
}

// Rows whose states are pooled.
ScoredRows pooled_rows(const Sequence& sequence, int64_t rows) {
  const RequestState& request = *sequence.request;
  const int64_t end = sequence.computed + rows;
  if (request.request.embed == Pooling::kMean)
    return {std::max(sequence.computed, request.pooled_tokens), end};
  if (request.request.embed == Pooling::kLast && end == request.prompt_tokens()) return {end - 1, end};
  return {};
}

// The other rows, of decoding sequences, always go.
bool takes_prompt_rows(const Sequence& sequence) {
  return sequence.pending() > 1 || sequence.request->wants_prompt_logprobs();
}

std::vector<double> shares_of(const LaneSettings& lanes) {
  std::vector<double> shares;
  for (const LaneInfo& lane : lanes.lanes) shares.push_back(lane.share);
  return shares;
}

}  // namespace

Scheduler::Scheduler(KvSpace* space, PrefixReuse* reuse, SchedulerLimits limits, LaneSettings lanes)
    : space_(space),
      reuse_(reuse),
      limits_(limits),
      lanes_(std::move(lanes)),
      row_shares_(shares_of(lanes_)),
      slot_shares_(shares_of(lanes_)),
      lane_preemptions_(lanes_.count(), 0) {}

StepPlan Scheduler::plan(int prefill_rows, Clock::time_point now) {
  now_ = now;
  const Precedence before(now, lanes_.ageing_seconds);
  admit(before);
  std::ranges::sort(running_, [&](const SequencePtr& a, const SequencePtr& b) { return before(*a, *b); });
  struct Share {
    Sequence* sequence;
    int rows;
  };
  std::vector<Share> decode;
  std::vector<Share> prefill;
  std::vector<int> rows_left = lane_rows(prefill_rows);
  int prompt_logits = limits_.max_prompt_logits;
  // Only sequences not yet in the plan are preempted.
  for (size_t i = 0; i < running_.size(); ++i) {
    Sequence& sequence = *running_[i];
    const bool decodes = sequence.pending() == 1;
    int& lane_rows_left = rows_left[sequence.lane()];
    const int rows = rows_for(sequence, lane_rows_left, prompt_logits);
    if (rows == 0) continue;
    bool fits = space_->extend(sequence.table, sequence.computed + rows);
    while (!fits && i + 1 < running_.size()) {
      preempt_last();
      fits = space_->extend(sequence.table, sequence.computed + rows);
    }
    while (!fits && i == 0 && reuse_->make_room())
      fits = space_->extend(sequence.table, sequence.computed + rows);
    if (!fits) {
      PT_CHECK(i > 0);  // alone, every accepted sequence fits
      preempt_last();
      break;
    }
    (decodes ? decode : prefill).push_back({&sequence, rows});
    if (takes_prompt_rows(sequence)) lane_rows_left -= rows;
    prompt_logits -= scored_rows(sequence, rows).count();
  }
  for (const Share& share : decode) shorten_draft(*share.sequence);
  StepPlan plan;
  for (const Share& share : decode) append(&plan, *share.sequence, share.rows);
  plan.decode_rows = static_cast<int>(plan.tokens.size());
  for (const Share& share : prefill) append(&plan, *share.sequence, share.rows);
  return plan;
}

std::vector<int> Scheduler::lane_rows(int prefill_rows) {
  std::vector<int64_t> wanted(lanes_.count(), 0);
  for (const SequencePtr& sequence : running_) {
    if (takes_prompt_rows(*sequence)) wanted[sequence->lane()] += sequence->pending();
  }
  return row_shares_.divide(prefill_rows, wanted);
}

int Scheduler::rows_for(const Sequence& sequence, int prefill_rows, int prompt_logits) const {
  if (!takes_prompt_rows(sequence)) return 1;
  int64_t rows = std::min<int64_t>(sequence.pending(), prefill_rows);
  if (sequence.request->wants_prompt_logprobs()) {
    const ScoredRows scored = scored_rows(sequence, rows);
    if (scored.count() > prompt_logits) rows = scored.begin - sequence.computed + prompt_logits;
  }
  return static_cast<int>(rows);
}

// Nobody is preempted for a draft.
void Scheduler::shorten_draft(Sequence& sequence) {
  auto& draft = sequence.speculation.draft;
  const auto end = [&] { return sequence.size() + static_cast<int64_t>(draft.size()); };
  while (!draft.empty() && !space_->extend(sequence.table, end())) draft.pop_back();
}

void Scheduler::append(StepPlan* plan, Sequence& sequence, int rows) const {
  const int first_row = static_cast<int>(plan->tokens.size());
  const auto begin = sequence.tokens.begin() + static_cast<std::ptrdiff_t>(sequence.computed);
  plan->tokens.insert(plan->tokens.end(), begin, begin + rows);
  const bool draws = sequence.computed + rows == sequence.size();
  const auto& draft = sequence.speculation.draft;
  PT_CHECK(draws || draft.empty());
  for (const DraftToken& token : draft) plan->tokens.push_back(token.token);
  const int drafted = static_cast<int>(draft.size());
  SequenceSlice slice{
      .first_row = first_row, .row_count = rows + drafted, .first_position = sequence.computed};
  for (const auto& pages : sequence.table.pages) slice.pages.emplace_back(pages);
  plan->slices.push_back(std::move(slice));

  const ScoredRows scored = scored_rows(sequence, rows);
  const ScoredRows pooled = pooled_rows(sequence, rows);
  for (int64_t position = pooled.begin; position < pooled.end; ++position)
    plan->hidden_rows.push_back(first_row + static_cast<int32_t>(position - sequence.computed));
  plan->entries.push_back({.sequence = &sequence,
                           .rows = rows + drafted,
                           .drafted = drafted,
                           .first_logit = static_cast<int>(plan->logit_rows.size()),
                           .prompt_logits = scored.count(),
                           .hidden_rows = pooled.count(),
                           .draws = draws});
  for (int64_t position = scored.begin; position < scored.end; ++position)
    plan->logit_rows.push_back(first_row + static_cast<int32_t>(position - sequence.computed));
  if (!draws || sequence.request->embeds()) return;
  for (int row = rows - 1; row < rows + drafted; ++row) plan->logit_rows.push_back(first_row + row);
}

void Scheduler::advance(const StepPlan& plan) {
  for (const StepPlan::Entry& entry : plan.entries) {
    entry.sequence->computed += entry.rows - entry.drafted;
    reuse_->computed(*entry.sequence);
    space_->drop_behind(entry.sequence->table, entry.sequence->computed);
  }
}

void Scheduler::accept_drafted(Sequence& sequence) {
  ++sequence.computed;
  reuse_->computed(sequence);
  space_->drop_behind(sequence.table, sequence.computed);
}

void Scheduler::admit(const Precedence& before) {
  reuse_->begin_plan(running_);
  await_prefix_.clear();
  std::vector<bool> blocked(lanes_.count(),
                            false);  // its first does not fit, and is passed by none behind it
  while (free_places() > 0) {
    const std::vector<size_t> first = heads(before);
    std::vector<bool> wants(lanes_.count());
    for (size_t lane = 0; lane < wants.size(); ++lane)
      wants[lane] = first[lane] < waiting_.size() && !blocked[lane];
    const int held_up = lane_held_up(first, before);
    const int lane = held_up >= 0 ? held_up : slot_shares_.next(places_held(), wants);
    if (lane < 0) return;
    const size_t index = first[static_cast<size_t>(lane)];
    if (reuse_->should_wait(*waiting_[index], running_)) {
      await_prefix_.push_back(waiting_[index].get());
    } else if (admit(*waiting_[index])) {
      slot_shares_.gave(lane, wants);
      take_in(index);
    } else if (before.aged(*waiting_[index])) {
      return;
    } else {
      blocked[static_cast<size_t>(lane)] = true;
    }
  }
}

int Scheduler::lane_held_up(const std::vector<size_t>& heads, const Precedence& before) const {
  int lane = -1;
  for (const size_t index : heads) {
    if (index == waiting_.size()) continue;
    const Sequence& head = *waiting_[index];
    if (!head.short_of_pages || !before.aged(head)) continue;
    if (lane < 0 || before(head, *waiting_[heads[static_cast<size_t>(lane)]])) lane = head.request->lane;
  }
  return lane;
}

std::vector<size_t> Scheduler::heads(const Precedence& before) const {
  std::vector<size_t> first(lanes_.count(), waiting_.size());
  for (size_t i = 0; i < waiting_.size(); ++i) {
    if (waiting_[i]->awaits_first_choice() ||
        std::ranges::find(await_prefix_, waiting_[i].get()) != await_prefix_.end())
      continue;
    size_t& best = first[waiting_[i]->lane()];
    if (best == waiting_.size() || before(*waiting_[i], *waiting_[best])) best = i;
  }
  return first;
}

// Those that wait for a running one to compute what they begin with keep their places, as far as the lane's
// share of the batch goes.
int64_t Scheduler::free_places() const {
  std::vector<int64_t> kept(lanes_.count(), 0);
  for (const SequencePtr& sequence : running_) {
    if (!sequence->request->prompt_sent) kept[sequence->lane()] += sequence->request->request.choices - 1;
  }
  for (const Sequence* sequence : await_prefix_) ++kept[sequence->lane()];
  auto free = static_cast<int64_t>(limits_.max_sequences) - static_cast<int64_t>(running_.size());
  for (size_t lane = 0; lane < kept.size(); ++lane) {
    const auto most = static_cast<int64_t>(limits_.max_sequences * lanes_.share_of(lane));
    free -= std::min(kept[lane], most);
  }
  return free;
}

std::vector<int64_t> Scheduler::places_held() const {
  std::vector<int64_t> held(lanes_.count(), 0);
  for (const SequencePtr& sequence : running_) ++held[sequence->lane()];
  return held;
}

void Scheduler::take_in(size_t waiting_index) {
  SequencePtr sequence = std::move(waiting_[waiting_index]);
  waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(waiting_index));
  if (!sequence->request->taken_in) sequence->request->taken_in = now_;
  running_.push_back(std::move(sequence));
}

bool Scheduler::admit(Sequence& sequence) {
  reuse_->attach(sequence);
  // A page for each running sequence stays free, so that taking one in does not push one out at once.
  while (!space_->reserve(sequence.table, sequence.size(), static_cast<int64_t>(running_.size()))) {
    if (running_.empty() && reuse_->make_room()) continue;
    give_back(sequence, /*remember=*/false);
    sequence.short_of_pages = true;
    return false;
  }
  sequence.short_of_pages = false;
  if (!sequence.request->prompt_sent) sequence.request->cached_tokens = sequence.computed;
  unpark(sequence);
  return true;
}

void Scheduler::preempt_last() {
  SequencePtr sequence = std::move(running_.back());
  running_.pop_back();
  park(*sequence);
  give_back(*sequence, /*remember=*/true);
  ++preemptions_;
  ++lane_preemptions_[sequence->lane()];
  const auto place = std::ranges::upper_bound(
      waiting_, *sequence, [](const Sequence& a, const Sequence& b) { return older(a, b); },
      [](const SequencePtr& p) -> const Sequence& { return *p; });
  waiting_.insert(place, std::move(sequence));
}

void Scheduler::park(Sequence& sequence) {
  sequence.parked.reset();
  if (limits_.parking_bytes == 0 || sequence.computed == 0) return;
  const auto bytes =
      ParkedKv::bytes_of(sequence.table, space_->pools(), sequence.computed, space_->page_tokens());
  int64_t used = 0;
  for (const SequencePtr& other : waiting_) used += other->parked ? other->parked->bytes() : 0;
  if (!bytes || used + *bytes > limits_.parking_bytes) return;
  if (!parking_cost_.cheaper(*bytes, prefill_cost_.seconds(static_cast<double>(sequence.computed)))) return;
  const auto begin = Clock::now();
  try {
    sequence.parked =
        ParkedKv::copy(sequence.table, space_->pools(), sequence.computed, space_->page_tokens());
  } catch (const std::bad_alloc&) {
    return;  // then it is computed again
  }
  parking_cost_.measured(*bytes, std::chrono::duration<double>(Clock::now() - begin).count());
  ++parkings_;
}

// The first `computed` tokens, whole pages of them, were remembered. Where a window's pages are short, the
// rest is computed again.
void Scheduler::unpark(Sequence& sequence) {
  if (!sequence.parked) return;
  if (sequence.parked->positions() > sequence.computed &&
      space_->extend(sequence.table, sequence.parked->positions())) {
    const auto shared = static_cast<size_t>(sequence.computed / space_->page_tokens());
    sequence.parked->restore(sequence.table, space_->pools(), shared);
    sequence.computed = sequence.parked->positions();
  }
  sequence.parked.reset();
}

void Scheduler::give_back(Sequence& sequence, bool remember) {
  if (remember) reuse_->computed(sequence);
  space_->release(sequence.table);
  sequence.computed = 0;
  sequence.speculation.draft.clear();
}

std::vector<Sequence*> Scheduler::start_siblings(const Sequence& leader) {
  std::vector<Sequence*> started;
  for (size_t i = 0; i < waiting_.size();) {
    Sequence& sibling = *waiting_[i];
    if (sibling.request != leader.request) {
      ++i;
      continue;
    }
    if (running_.size() >= static_cast<size_t>(limits_.max_sequences)) break;
    auto table = space_->fork(leader.table, leader.computed);
    if (!table) break;
    sibling.table = *std::move(table);
    sibling.computed = leader.computed;
    started.push_back(&sibling);
    take_in(i);
  }
  return started;
}

Scheduler::SequencePtr Scheduler::remove(const Sequence* sequence, bool remember) {
  SequencePtr owned;
  const auto take_from = [&](auto& line) {
    const auto place = std::ranges::find(line, sequence, &SequencePtr::get);
    if (place == line.end()) return;
    owned = std::move(*place);
    line.erase(place);
  };
  take_from(running_);
  if (!owned) take_from(waiting_);
  PT_CHECK(owned != nullptr);
  reuse_->leaving(*owned);
  give_back(*owned, remember);
  return owned;
}

std::vector<Scheduler::SequencePtr> Scheduler::remove_request(uint64_t request) {
  std::vector<const Sequence*> found;
  for (const SequencePtr& sequence : running_) {
    if (sequence->request->id == request) found.push_back(sequence.get());
  }
  for (const SequencePtr& sequence : waiting_) {
    if (sequence->request->id == request) found.push_back(sequence.get());
  }
  std::vector<SequencePtr> removed;
  for (const Sequence* sequence : found) removed.push_back(remove(sequence, /*remember=*/false));
  return removed;
}

std::vector<Sequence*> Scheduler::running() const {
  std::vector<Sequence*> all;
  for (const SequencePtr& sequence : running_) all.push_back(sequence.get());
  return all;
}

int64_t Scheduler::waiting_requests() const {
  return std::ranges::count_if(
      waiting_, [](const SequencePtr& s) { return s->choice == 0 && !s->request->prompt_sent; });
}

bool Scheduler::decoding() const {
  return std::ranges::any_of(running_,
                             [](const SequencePtr& s) { return s->pending() == 1 && s->drawn > 0; });
}

bool Scheduler::computes_large_prompt() const {
  return std::ranges::any_of(running_,
                             [](const SequencePtr& s) { return s->lane() > 0 && takes_prompt_rows(*s); });
}

std::vector<LaneStats> Scheduler::lane_stats() const {
  std::vector<LaneStats> stats(lanes_.count());
  for (const SequencePtr& sequence : running_) {
    LaneStats& lane = stats[sequence->lane()];
    ++lane.running;
    if (takes_prompt_rows(*sequence)) lane.backlog_tokens += sequence->pending();
  }
  for (const SequencePtr& sequence : waiting_) {
    LaneStats& lane = stats[sequence->lane()];
    ++lane.waiting;
    if (!sequence->awaits_first_choice()) lane.backlog_tokens += sequence->pending();
  }
  for (size_t lane = 0; lane < stats.size(); ++lane) stats[lane].preemptions = lane_preemptions_[lane];
  return stats;
}

std::vector<PendingPrompt> Scheduler::pending_prompts() const {
  std::vector<PendingPrompt> pending;
  const auto add = [&](const Sequence& sequence, bool waits) {
    pending.push_back({.lane = sequence.request->lane,
                       .priority = sequence.request->request.priority,
                       .tokens = sequence.awaits_first_choice() ? 0 : sequence.pending(),
                       .waiting = waits});
  };
  for (const SequencePtr& sequence : running_) {
    if (takes_prompt_rows(*sequence)) add(*sequence, /*waits=*/false);
  }
  for (const SequencePtr& sequence : waiting_) add(*sequence, /*waits=*/true);
  return pending;
}

}  // namespace pingti
