#include "base/thread_pool.h"

#include <pthread.h>

#include "base/check.h"

namespace pingti {
namespace {

// About 50 µs at 4 GHz: longer than the serial work between two runs of a forward pass, short enough
// not to burn a core once the engine is idle.
constexpr int kSpins = 4000;

constexpr uint64_t kClosed = uint64_t{1} << 31;

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

ThreadPool::ThreadPool(int threads) : size_(threads) {
  PT_CHECK(threads >= 1);
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { work(i); });
}

ThreadPool::~ThreadPool() {
  stop_.store(true, std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (auto& worker : workers_) worker.join();
}

void ThreadPool::start(Call call, const void* body) {
  call_ = call;
  body_ = body;
  finished_.store(0, std::memory_order_relaxed);
  const uint32_t generation = generation_.load(std::memory_order_relaxed) + 1;
  entered_.store(uint64_t{generation} << 32, std::memory_order_release);
  generation_.store(generation, std::memory_order_release);
  generation_.notify_all();
  call(body, 0);
  const auto entered =
      static_cast<uint32_t>(entered_.fetch_or(kClosed, std::memory_order_acq_rel) & (kClosed - 1));
  for (int spins = 0; finished_.load(std::memory_order_acquire) != entered; ++spins) {
    if (spins < kSpins) {
      relax();
    } else {
      std::this_thread::yield();
    }
  }
}

// Whether the run of this generation still takes workers; the caller then waits for this one.
bool ThreadPool::enter(uint32_t generation) {
  uint64_t state = entered_.load(std::memory_order_acquire);
  do {
    if (state >> 32 != generation || (state & kClosed) != 0) return false;
  } while (!entered_.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel,
                                           std::memory_order_acquire));
  return true;
}

void ThreadPool::work(int index) {
  pthread_setname_np(pthread_self(), "pingti-compute");
  uint32_t seen = 0;
  for (;;) {
    uint32_t now = generation_.load(std::memory_order_acquire);
    for (int spins = 0; now == seen && spins < kSpins; ++spins) {
      relax();
      now = generation_.load(std::memory_order_acquire);
    }
    if (now == seen) {
      generation_.wait(seen, std::memory_order_acquire);
      continue;
    }
    seen = now;
    if (stop_.load(std::memory_order_relaxed)) return;
    if (!enter(seen)) continue;
    call_(body_, index);
    finished_.fetch_add(1, std::memory_order_release);
  }
}

}  // namespace pingti
