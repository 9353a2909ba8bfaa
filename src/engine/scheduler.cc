#include "engine/scheduler.h"

#include <algorithm>

#include "base/check.h"

namespace pingti {
namespace {

// Prompt tokens whose scores this slice's rows yield: row p scores token p + 1.
struct ScoredRows {
  int64_t begin = 0;
  int64_t end = 0;
  int count() const { return static_cast<int>(std::max<int64_t>(0, end - begin)); }
};

ScoredRows scored_rows(const Sequence& sequence, int64_t rows) {
  if (!sequence.request->wants_prompt_logprobs()) return {};
  const auto known = static_cast<int64_t>(sequence.request->prompt_logprobs.size());
  return {std::max(sequence.computed, known),
          std::min(sequence.computed + rows, sequence.request->prompt_tokens() - 1)};
}

}  // namespace

StepPlan Scheduler::plan(int prefill_rows) {
  admit();
  struct Share {
    Sequence* sequence;
    int rows;
  };
  std::vector<Share> decode;
  std::vector<Share> prefill;
  int prompt_logits = limits_.max_prompt_logits;
  // Pages are taken oldest first; only sequences not yet in the plan are preempted.
  for (size_t i = 0; i < running_.size(); ++i) {
    Sequence& sequence = *running_[i];
    const bool decodes = sequence.pending() == 1;
    const int rows = rows_for(sequence, prefill_rows, prompt_logits);
    if (rows == 0) continue;
    bool fits = space_->extend(sequence.table, sequence.computed + rows);
    while (!fits && i + 1 < running_.size()) {
      preempt_youngest();
      fits = space_->extend(sequence.table, sequence.computed + rows);
    }
    while (!fits && i == 0 && reuse_->make_room())
      fits = space_->extend(sequence.table, sequence.computed + rows);
    if (!fits) {
      PT_CHECK(i > 0);  // alone, every accepted sequence fits
      preempt_youngest();
      break;
    }
    (decodes ? decode : prefill).push_back({&sequence, rows});
    if (!decodes) prefill_rows -= rows;
    prompt_logits -= scored_rows(sequence, rows).count();
  }
  for (const Share& share : decode) shorten_draft(*share.sequence);
  StepPlan plan;
  for (const Share& share : decode) append(&plan, *share.sequence, share.rows);
  plan.decode_rows = static_cast<int>(plan.tokens.size());
  for (const Share& share : prefill) append(&plan, *share.sequence, share.rows);
  return plan;
}

int Scheduler::rows_for(const Sequence& sequence, int prefill_rows, int prompt_logits) const {
  if (sequence.pending() == 1 && !sequence.request->wants_prompt_logprobs()) return 1;
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
  plan->entries.push_back({.sequence = &sequence,
                           .rows = rows + drafted,
                           .drafted = drafted,
                           .first_logit = static_cast<int>(plan->logit_rows.size()),
                           .prompt_logits = scored.count(),
                           .draws = draws});
  for (int64_t position = scored.begin; position < scored.end; ++position)
    plan->logit_rows.push_back(first_row + static_cast<int32_t>(position - sequence.computed));
  if (!draws) return;
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

void Scheduler::admit() {
  reuse_->begin_plan(running_);
  auto slots = static_cast<int64_t>(limits_.max_sequences) - static_cast<int64_t>(running_.size());
  for (size_t i = 0; i < waiting_.size() && slots > 0; --slots) {
    if (waiting_[i]->awaits_first_choice() || reuse_->should_wait(*waiting_[i], running_)) {
      ++i;  // keeps its place in the batch until others have computed what it begins with
      continue;
    }
    if (!admit(*waiting_[i])) return;
    SequencePtr sequence = std::move(waiting_[i]);
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
    insert_running(std::move(sequence));
  }
}

bool Scheduler::admit(Sequence& sequence) {
  reuse_->attach(sequence);
  // A page for each running sequence stays free, so that taking one in does not push one out at once.
  while (!space_->reserve(sequence.table, sequence.size(), static_cast<int64_t>(running_.size()))) {
    if (running_.empty() && reuse_->make_room()) continue;
    give_back(sequence, /*remember=*/false);
    return false;
  }
  if (!sequence.request->prompt_sent) sequence.request->cached_tokens = sequence.computed;
  return true;
}

void Scheduler::insert_running(SequencePtr sequence) {
  const auto place = std::ranges::upper_bound(
      running_, *sequence, [](const Sequence& a, const Sequence& b) { return older(a, b); },
      [](const SequencePtr& p) -> const Sequence& { return *p; });
  running_.insert(place, std::move(sequence));
}

void Scheduler::preempt_youngest() {
  SequencePtr sequence = std::move(running_.back());
  running_.pop_back();
  give_back(*sequence, /*remember=*/true);
  ++preemptions_;
  const auto place = std::ranges::upper_bound(
      waiting_, *sequence, [](const Sequence& a, const Sequence& b) { return older(a, b); },
      [](const SequencePtr& p) -> const Sequence& { return *p; });
  waiting_.insert(place, std::move(sequence));
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
    SequencePtr owned = std::move(waiting_[i]);
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
    insert_running(std::move(owned));
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

}  // namespace pingti
