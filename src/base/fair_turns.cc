#include "base/fair_turns.h"

#include <algorithm>

#include "base/check.h"

namespace pingti {
namespace {

// Longer than what an engine does between two steps.
constexpr auto kExpected = std::chrono::milliseconds(2);

}  // namespace

FairTurns::Member::~Member() {
  if (turns_ == nullptr) return;
  const std::lock_guard lock(turns_->mutex_);
  if (turns_->expected_ == this) turns_->expected_ = nullptr;
}

void FairTurns::Member::enter() {
  if (turns_ == nullptr) return;
  FairTurns& turns = *turns_;
  std::unique_lock lock(turns.mutex_);
  used_ = std::max(used_, turns.served_);
  turns.waiting_.push_back(this);
  if (turns.expected_ == this) turns.expected_ = nullptr;
  for (;;) {
    const auto now = Clock::now();
    if (turns.next(now) == this) break;
    if (turns.working_ == nullptr && turns.expected_ != nullptr) {
      turns.changed_.wait_until(lock, turns.expected_until_);
    } else {
      turns.changed_.wait(lock);
    }
  }
  std::erase(turns.waiting_, this);
  turns.working_ = this;
  turns.expected_ = nullptr;
  turns.served_ = std::max(turns.served_, used_);
  entered_ = Clock::now();
}

void FairTurns::Member::leave() {
  if (turns_ == nullptr) return;
  FairTurns& turns = *turns_;
  const std::lock_guard lock(turns.mutex_);
  PT_CHECK(turns.working_ == this);
  const auto now = Clock::now();
  used_ += now - entered_;
  turns.working_ = nullptr;
  if (turns.waiting_.empty()) return;
  if (std::ranges::all_of(turns.waiting_, [this](const Member* other) { return used_ < other->used_; })) {
    turns.expected_ = this;
    turns.expected_until_ = now + kExpected;
  }
  turns.changed_.notify_all();
}

// Whose turn begins now: of those waiting the one that has used least, the first to come among equals.
FairTurns::Member* FairTurns::next(Clock::time_point now) const {
  if (working_ != nullptr || waiting_.empty()) return nullptr;
  if (expected_ != nullptr && now < expected_until_) return nullptr;
  return *std::ranges::min_element(waiting_, {}, &Member::used_);
}

}  // namespace pingti
