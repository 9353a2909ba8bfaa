#include "kernels/probe.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>

#include "base/huge_buffer.h"

namespace pingti {
namespace {

double seconds_of(const auto& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Sums the buffer in eight independent chains, so that reading is what takes the time.
uint64_t sum_words(const uint64_t* words, size_t count) {
  uint64_t sums[8] = {};
  for (size_t i = 0; i + 8 <= count; i += 8) {
    for (size_t lane = 0; lane < 8; ++lane) sums[lane] += words[i + lane];
  }
  uint64_t total = 0;
  for (uint64_t sum : sums) total += sum;
  return total;
}

}  // namespace

double probe_int8_ops(const Kernels& kernels, ThreadPool& threads) {
  const auto run = [&](int64_t iterations) {
    std::atomic<int64_t> operations{0};
    const double seconds =
        seconds_of([&] { threads.run([&](int) { operations += kernels.int8_peak(iterations); }); });
    return std::pair(static_cast<double>(operations.load()), seconds);
  };
  constexpr int64_t kFirst = 1000;
  const double first_seconds = std::max(run(kFirst).second, 1e-6);
  // Rounds of about 40 ms; the best of a few, since what disturbs only ever slows.
  const auto iterations = static_cast<int64_t>(kFirst * 0.04 / first_seconds) + 1;
  double best = 0;
  for (int round = 0; round < 6; ++round) {
    const auto [operations, seconds] = run(iterations);
    best = std::max(best, operations / seconds);
  }
  return best;
}

double probe_read_bandwidth(ThreadPool& threads) {
  constexpr size_t kBytes = size_t{512} << 20;
  auto buffer = HugeBuffer::allocate(kBytes);
  if (!buffer) return 0;
  const size_t share = kBytes / static_cast<size_t>(threads.size()) / 4096 * 4096;
  const auto part = [&](int index) { return buffer->data() + static_cast<size_t>(index) * share; };
  threads.run([&](int index) { std::memset(part(index), 1, share); });
  double best = 0;
  std::atomic<uint64_t> sink{0};
  for (int round = 0; round < 8; ++round) {
    const double seconds = seconds_of([&] {
      threads.run(
          [&](int index) { sink += sum_words(reinterpret_cast<const uint64_t*>(part(index)), share / 8); });
    });
    best = std::max(best, static_cast<double>(share) * threads.size() / seconds);
  }
  return best;
}

}  // namespace pingti
