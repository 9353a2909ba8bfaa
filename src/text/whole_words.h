// Remembers which tokens' own spelling encodes to just that token, so that common words skip merging.
// Filled on demand, at most one byte per token; any thread may call (racing writers store the same).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace pingti {

class WholeWords {
 public:
  enum class State : uint8_t { kUnknown, kWhole, kSplit };

  explicit WholeWords(size_t tokens) : states_(std::make_unique<std::atomic<State>[]>(tokens)) {}
  State get(int32_t id) const { return states_[static_cast<size_t>(id)].load(std::memory_order_relaxed); }
  void set(int32_t id, bool whole) const {
    states_[static_cast<size_t>(id)].store(whole ? State::kWhole : State::kSplit, std::memory_order_relaxed);
  }

 private:
  std::unique_ptr<std::atomic<State>[]> states_;
};

}  // namespace pingti
