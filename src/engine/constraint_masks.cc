#include "engine/constraint_masks.h"

#include "grammar/output_grammar.h"

namespace pingti {

ConstraintMasks::~ConstraintMasks() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void ConstraintMasks::begin(const StepPlan& plan) {
  work_.clear();
  failure_ = nullptr;
  for (const StepPlan::Entry& entry : plan.entries) {
    if (entry.draws && entry.sequence->matcher) work_.push_back(entry.sequence);
  }
  if (work_.empty()) return;
  if (!thread_.joinable()) thread_ = std::thread([this] { loop(); });
  const std::lock_guard lock(mutex_);
  busy_ = true;
  changed_.notify_all();
}

void ConstraintMasks::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !busy_; });
}

void ConstraintMasks::finish() {
  wait();
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void ConstraintMasks::prepare(Sequence& sequence) {
  std::vector<int32_t> draft;
  for (const DraftToken& token : sequence.speculation.draft) draft.push_back(token.token);
  sequence.matcher->prepare(draft, &stats_);
}

void ConstraintMasks::loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || busy_; });
    if (stop_) return;
    lock.unlock();
    try {
      for (Sequence* sequence : work_) prepare(*sequence);
    } catch (...) {
      failure_ = std::current_exception();
    }
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
}

}  // namespace pingti
