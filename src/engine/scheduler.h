// Which sequences are computed next, and in which pages.
//
// Iteration-level (continuous) batching after Orca (OSDI 2022) with chunked prefill after Sarathi-Serve
// (arXiv 2403.02310): every step takes one row of each decoding sequence, and one of each token drafted for
// it if there are pages, and fills up with prompt chunks.
//
// Lanes shape two things: which lane the next free place in the batch goes to (SlotShares), and how a step's
// prompt rows are shared among the lanes that have prompts in the batch (RowShares), so that a small prompt
// gets rows in the very next step after it was taken in. Within a lane, sequences go by Precedence: priority,
// then arrival, and those that have aged before all others.
//
// Pages are taken in the order of Precedence; when they run out, the last running sequence in that order
// gives its pages back and waits to go on, its keys and values copied to plain memory or to be computed
// again, whichever is cheaper. The first one can take the pages of all others, and alone every accepted
// sequence fits: each step with work in the batch makes progress, so there is no deadlock. No sequence
// starves either: once aged, it comes after older requests only, which are finitely many and each of which
// ends, the very first being never preempted; and an aged sequence that finds too few pages is passed by
// nobody until it has them. A lane with nothing in the batch is given a place before one that has any, and
// lanes that have equally much take turns.
//
// Used by the engine's thread alone.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "cache/kv_space.h"
#include "engine/lanes/backlog.h"
#include "engine/lanes/lane_settings.h"
#include "engine/lanes/precedence.h"
#include "engine/lanes/row_shares.h"
#include "engine/lanes/slot_shares.h"
#include "engine/prefix_reuse.h"
#include "engine/sequence.h"
#include "model/batch.h"

namespace pingti {

struct SchedulerLimits {
  int max_sequences = 32;
  // Most rows of one step whose logits are wanted for prompt logprobs.
  int max_prompt_logits = 64;
  // Plain memory for what preempted sequences had computed. 0: they compute it again.
  int64_t parking_bytes = 0;
};

// One forward pass. Views into the sequences' tables: used before anything is removed or forked.
struct StepPlan {
  struct Entry {
    Sequence* sequence;
    int rows;           // drafted ones included
    int drafted;        // of them, the last so many hold drafted tokens
    int first_logit;    // of its logit rows
    int prompt_logits;  // logit rows that score prompt tokens
    int hidden_rows;    // states of prompt tokens that an embedding is made of, following the entry's before
    // The last row that is not drafted yields the next token, each drafted row the one after it if the draft
    // is right so far; these are also the last logit rows.
    bool draws;
  };
  std::vector<int32_t> tokens;
  std::vector<SequenceSlice> slices;
  std::vector<int32_t> logit_rows;
  std::vector<int32_t> hidden_rows;
  std::vector<Entry> entries;
  int decode_rows = 0;

  Batch batch() const {
    return {.tokens = tokens, .sequences = slices, .logit_rows = logit_rows, .hidden_rows = hidden_rows};
  }
  bool empty() const { return entries.empty(); }
};

class Scheduler {
 public:
  using SequencePtr = std::unique_ptr<Sequence>;
  using Clock = Precedence::Clock;

  Scheduler(KvSpace* space, PrefixReuse* reuse, SchedulerLimits limits, LaneSettings lanes);

  // Puts a new sequence in its lane, which its request names.
  void add(SequencePtr sequence) { waiting_.push_back(std::move(sequence)); }

  // Takes in what fits and lays out the next step, with at most `prefill_rows` rows of sequences that have
  // more than one token to compute. Empty when there is nothing to do.
  StepPlan plan(int prefill_rows, Clock::time_point now);
  // The plan has been computed. Drafted rows do not count until accept_drafted().
  void advance(const StepPlan& plan);
  // The next token of the sequence is the one drafted: its row has been computed.
  void accept_drafted(Sequence& sequence);

  // Starts the waiting choices of the leader's request from the leader's pages, as many as fit; the others
  // stay in line and compute the prompt themselves. Returns those started.
  std::vector<Sequence*> start_siblings(const Sequence& leader);

  // Takes sequences out and gives their pages back; `remember` keeps computed prefixes for reuse.
  SequencePtr remove(const Sequence* sequence, bool remember);
  std::vector<SequencePtr> remove_request(uint64_t request);

  std::vector<Sequence*> running() const;
  size_t running_count() const { return running_.size(); }
  size_t waiting_count() const { return waiting_.size(); }
  int64_t waiting_requests() const;
  bool idle() const { return running_.empty() && waiting_.empty(); }
  bool decoding() const;
  // Whether a running prompt is of a lane that smaller ones may overtake.
  bool computes_large_prompt() const;
  uint64_t preemptions() const { return preemptions_; }
  // Waiting, running, backlog and preemptions of each lane; what else is in them stays 0.
  std::vector<LaneStats> lane_stats() const;
  uint64_t parkings() const { return parkings_; }
  // What computing prompts has been costing: decides whether preempted sequences are copied out.
  void set_prefill_cost(const PrefillCost& cost) { prefill_cost_ = cost; }
  // What is left to compute of each choice that is not decoding yet.
  std::vector<PendingPrompt> pending_prompts() const;

 private:
  void admit(const Precedence& before);
  bool admit(Sequence& sequence);
  // Of each lane, the first that waits and may start: an index into waiting_, or its size.
  std::vector<size_t> heads(const Precedence& before) const;
  // The lane whose first has aged and found too few pages before, or -1.
  int lane_held_up(const std::vector<size_t>& heads, const Precedence& before) const;
  int64_t free_places() const;
  std::vector<int64_t> places_held() const;
  void take_in(size_t waiting_index);
  std::vector<int> lane_rows(int prefill_rows);
  void preempt_last();
  void park(Sequence& sequence);
  void unpark(Sequence& sequence);
  int rows_for(const Sequence& sequence, int prefill_rows, int prompt_logits) const;
  void shorten_draft(Sequence& sequence);
  void append(StepPlan* plan, Sequence& sequence, int rows) const;
  void give_back(Sequence& sequence, bool remember);

  KvSpace* space_;
  PrefixReuse* reuse_;
  SchedulerLimits limits_;
  LaneSettings lanes_;
  RowShares row_shares_;
  SlotShares slot_shares_;
  Clock::time_point now_{};                    // of the current plan
  std::vector<SequencePtr> running_;           // in the order of Precedence, as of the last plan
  std::vector<SequencePtr> waiting_;           // oldest first
  std::vector<const Sequence*> await_prefix_;  // of the waiting, as of the last plan: see PrefixReuse
  uint64_t preemptions_ = 0;
  uint64_t parkings_ = 0;
  PrefillCost prefill_cost_;
  ParkingCost parking_cost_;
  std::vector<uint64_t> lane_preemptions_;
};

}  // namespace pingti
