// Which sequences are computed next, and in which pages.
//
// Iteration-level (continuous) batching after Orca (OSDI 2022) with chunked prefill after Sarathi-Serve
// (arXiv 2403.02310): every step takes one row of each decoding sequence, and one of each token drafted for
// it if there are pages, and fills up with prompt chunks.
// Sequences are taken in strictly by arrival. When pages run out, the youngest running sequence gives its
// pages back and waits at the head of the line to be computed again; the oldest always goes on, so there is
// no deadlock. Used by the engine's thread alone.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "cache/kv_space.h"
#include "engine/prefix_reuse.h"
#include "engine/sequence.h"
#include "model/batch.h"

namespace pingti {

struct SchedulerLimits {
  int max_sequences = 32;
  // Most rows of one step whose logits are wanted for prompt logprobs.
  int max_prompt_logits = 64;
};

// One forward pass. Views into the sequences' tables: used before anything is removed or forked.
struct StepPlan {
  struct Entry {
    Sequence* sequence;
    int rows;           // drafted ones included
    int drafted;        // of them, the last so many hold drafted tokens
    int first_logit;    // of its logit rows
    int prompt_logits;  // logit rows that score prompt tokens
    // The last row that is not drafted yields the next token, each drafted row the one after it if the draft
    // is right so far; these are also the last logit rows.
    bool draws;
  };
  std::vector<int32_t> tokens;
  std::vector<SequenceSlice> slices;
  std::vector<int32_t> logit_rows;
  std::vector<Entry> entries;
  int decode_rows = 0;

  Batch batch() const { return {.tokens = tokens, .sequences = slices, .logit_rows = logit_rows}; }
  bool empty() const { return entries.empty(); }
};

class Scheduler {
 public:
  using SequencePtr = std::unique_ptr<Sequence>;

  Scheduler(KvSpace* space, PrefixReuse* reuse, SchedulerLimits limits)
      : space_(space), reuse_(reuse), limits_(limits) {}

  // Puts a new sequence at the end of the line.
  void add(SequencePtr sequence) { waiting_.push_back(std::move(sequence)); }

  // Takes in what fits and lays out the next step, with at most `prefill_rows` rows of sequences that have
  // more than one token to compute. Empty when there is nothing to do.
  StepPlan plan(int prefill_rows);
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
  uint64_t preemptions() const { return preemptions_; }

 private:
  void admit();
  bool admit(Sequence& sequence);
  void insert_running(SequencePtr sequence);
  void preempt_youngest();
  int rows_for(const Sequence& sequence, int prefill_rows, int prompt_logits) const;
  void shorten_draft(Sequence& sequence);
  void append(StepPlan* plan, Sequence& sequence, int rows) const;
  void give_back(Sequence& sequence, bool remember);

  KvSpace* space_;
  PrefixReuse* reuse_;
  SchedulerLimits limits_;
  std::vector<SequencePtr> running_;  // oldest first
  std::deque<SequencePtr> waiting_;   // oldest first
  uint64_t preemptions_ = 0;
};

}  // namespace pingti
