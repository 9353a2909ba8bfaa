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
  constexpr size_t kPiece = size_t{4} << 20;
  const auto each_piece = [&](const auto& visit) {
    std::atomic<size_t> next{0};
    threads.run([&](int) {
      for (size_t begin; (begin = next.fetch_add(kPiece)) < kBytes;) visit(buffer->data() + begin);
    });
  };
  each_piece([](std::byte* piece) { std::memset(piece, 1, kPiece); });
  double best = 0;
  std::atomic<uint64_t> sink{0};
  for (int round = 0; round < 8; ++round) {
    const double seconds = seconds_of([&] {
      each_piece([&](const std::byte* piece) {
        sink += sum_words(reinterpret_cast<const uint64_t*>(piece), kPiece / 8);
      });
    });
    best = std::max(best, static_cast<double>(kBytes) / seconds);
  }
  return best;
}

}  // namespace pingti
