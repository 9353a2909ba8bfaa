// Finds which tokens the answers' grammars allow next, on a thread of its own, while the model computes.
//
// The engine's thread calls begin() before a forward pass and finish() after it; between the two, nobody else
// touches the sequences' matchers.
#pragma once

#include <condition_variable>
#include <exception>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "engine/scheduler.h"
#include "grammar/mask_stats.h"

namespace pingti {

class ConstraintMasks {
 public:
  ConstraintMasks() = default;
  ConstraintMasks(const ConstraintMasks&) = delete;
  ~ConstraintMasks();

  // Masks for every constrained sequence that the plan draws for, after each token of its draft.
  void begin(const StepPlan& plan);
  void wait();
  // Waits for them; throws what finding them threw.
  void finish();
  // Now, on this thread: for a sequence that begins with another's prompt.
  void prepare(Sequence& sequence);

  const MaskStats& stats() const { return stats_; }

 private:
  void loop();

  std::vector<Sequence*> work_;  // the thread's own while busy_
  MaskStats stats_;
  std::exception_ptr failure_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool busy_ = false;
  bool stop_ = false;
  std::thread thread_;  // started by the first constrained sequence
};

}  // namespace pingti
