// A fixed team of threads for fork-join work inside one forward pass.
//
// run(body) calls body(0) on the caller and body(index), each index at most once, on every worker that is
// there before the caller's own call ends; it returns when all calls that began are done. Work is therefore
// handed out by a shared counter, never by index: a worker whose core was taken away is not waited for, and
// its share is done by the others. One run at a time (callers must not overlap); body must not call run.
// Workers spin for a short while after a run, so that back-to-back runs cost well under a microsecond, then
// sleep.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

namespace pingti {

class ThreadPool {
 public:
  explicit ThreadPool(int threads);
  ThreadPool(const ThreadPool&) = delete;
  ~ThreadPool();

  int size() const { return size_; }

  template <class Body>
  void run(const Body& body) {
    if (size_ == 1) return body(0);
    start([](const void* b, int index) { (*static_cast<const Body*>(b))(index); }, &body);
  }

  // body(item, thread) for every item in [0, count), each handed out on its own: for items that take long.
  template <class Body>
  void for_each(int64_t count, const Body& body) {
    std::atomic<int64_t> next{0};
    run([&](int thread) {
      for (int64_t item; (item = next.fetch_add(1, std::memory_order_relaxed)) < count;) body(item, thread);
    });
  }

 private:
  using Call = void (*)(const void* body, int index);
  void start(Call call, const void* body);
  void work(int index);
  bool enter(uint32_t generation);

  int size_;
  Call call_ = nullptr;
  const void* body_ = nullptr;
  alignas(64) std::atomic<uint32_t> generation_{0};  // of runs; workers sleep on it
  // Generation in the upper half, kClosed once the caller is done, and how many workers entered the run.
  alignas(64) std::atomic<uint64_t> entered_{0};
  alignas(64) std::atomic<uint32_t> finished_{0};  // of those that entered
  std::atomic<bool> stop_{false};
  std::vector<std::thread> workers_;
};

}  // namespace pingti
