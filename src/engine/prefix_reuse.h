// What is computed once and used by many: prefixes of running and finished sequences, of sessions and on
// disk. The scheduler asks it before a sequence is taken in and tells it of every computed page.
//
// Coalescing: a waiting sequence whose next pages a running one is just computing waits for them. It waits on
// running sequences alone, judged anew before each step: when that one has gone (finished, cancelled,
// preempted, failed) or others are computed in its place for some steps, the waiting one computes for itself.
// So nobody waits for ever. None of this changes an answer: a page's bytes depend on its prefix alone. Used
// by the engine's thread alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>

#include "cache/kv_space.h"
#include "engine/disk_reuse.h"
#include "engine/engine.h"
#include "engine/sequence.h"

namespace pingti {

class PrefixReuse {
 public:
  using Running = std::span<const std::unique_ptr<Sequence>>;

  // space outlives this. disk: null without a store.
  PrefixReuse(KvSpace* space, std::unique_ptr<DiskReuse> disk) : space_(space), disk_(std::move(disk)) {}

  // Before sequences are taken in.
  void begin_plan(Running running);
  // Whether the waiting sequence should not be taken in yet. It keeps its place in line and in the batch.
  bool should_wait(Sequence& waiting, Running running);
  // Fills the empty table with what is remembered and sets `computed`.
  void attach(Sequence& sequence);
  // Tokens of the sequence have been computed; before the windows move on.
  void computed(Sequence& sequence);
  // The sequence is over, its pages still in its table.
  void leaving(Sequence& sequence);
  // Gives up something that is kept only for later; false if there is nothing. For when the oldest sequence
  // could not go on otherwise.
  bool make_room();

  // There is nothing to compute: waits a moment for what is being read from disk.
  void wait_for_loads();
  // No sequence is left: nothing is read any more.
  void end_loads();
  void measured(int prompt_rows, double seconds);
  ReuseStats stats() const;

 private:
  KvSpace* space_;
  std::unique_ptr<DiskReuse> disk_;
  uint64_t coalesced_ = 0;
};

}  // namespace pingti
