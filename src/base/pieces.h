// Shares out the range [0, total) among the threads of a run, in pieces that shrink as the range empties
// (guided self-scheduling, Polychronopoulos and Kuck 1987): the short last ones let the threads end together
// even if one of their cores was taken away.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace pingti {

class Pieces {
 public:
  // Pieces are multiples of `grain` (but for the last) and, where that allows it, between `shortest` and
  // `longest`.
  Pieces(int64_t total, int threads, int64_t grain, int64_t shortest, int64_t longest)
      : total_(total),
        share_(threads == 1 ? 1 : 2 * int64_t{threads}),
        grain_(grain),
        shortest_(std::max(grain, shortest)),
        longest_(std::max(shortest_, longest)) {}

  // No piece is longer.
  int64_t longest() const { return std::min(total_, (longest_ + grain_ - 1) / grain_ * grain_); }

  // The next piece [begin, end); false when none is left. Any thread.
  bool take(int64_t& begin, int64_t& end) {
    begin = next_.load(std::memory_order_relaxed);
    do {
      if (begin >= total_) return false;
      const int64_t wanted = std::clamp((total_ - begin) / share_, shortest_, longest_);
      end = std::min(total_, begin + (wanted + grain_ - 1) / grain_ * grain_);
    } while (!next_.compare_exchange_weak(begin, end, std::memory_order_relaxed));
    return true;
  }

 private:
  const int64_t total_;
  const int64_t share_;
  const int64_t grain_;
  const int64_t shortest_;
  const int64_t longest_;
  alignas(64) std::atomic<int64_t> next_{0};
};

}  // namespace pingti
