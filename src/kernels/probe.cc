#include "kernels/probe.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <vector>

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

// Additions of which each needs the one before: one per cycle. False: not written for this architecture.
bool add_in_chain(int64_t rounds) {
#if defined(__x86_64__)
  uint64_t sum = 0;
  const uint64_t one = 1;
  for (int64_t i = 0; i < rounds; ++i) {
    asm volatile(".rept 64\n\tadd %1, %0\n\t.endr" : "+r"(sum) : "r"(one) : "cc");
  }
  return true;
#elif defined(__aarch64__)
  uint64_t sum = 0;
  const uint64_t one = 1;
  for (int64_t i = 0; i < rounds; ++i)
    asm volatile(".rept 64\n\tadd %0, %0, %1\n\t.endr" : "+r"(sum) : "r"(one));
  return true;
#else
  return rounds < 0;
#endif
}
constexpr int64_t kChain = 64;

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

// One thread alone: slices of products, each followed by a chain that tells the clock. What disturbs a slice
// leaves the median.
void probe_one_thread(const Kernels& kernels, int64_t iterations, PeakProbe& peak) {
  constexpr int kSlices = 41;
  constexpr int64_t kRounds = 2000;  // some 30 microseconds
  std::vector<double> clocks, instructions, operations;
  for (int slice = 0; slice < kSlices; ++slice) {
    PeakRun run;
    const double products = seconds_of([&] { run = kernels.int8_peak(iterations); });
    bool measured = false;
    const double chain = seconds_of([&] { measured = add_in_chain(kRounds); });
    const double clock = measured ? static_cast<double>(kRounds * kChain) / chain : 0;
    peak.one_thread = std::max(peak.one_thread, static_cast<double>(run.operations) / products);
    peak.most_instructions = run.most_per_cycle;
    if (clock <= 0) continue;
    clocks.push_back(clock);
    instructions.push_back(static_cast<double>(run.instructions) / products / clock);
    operations.push_back(static_cast<double>(run.operations) / products / clock);
  }
  if (clocks.empty()) return;
  peak.clock_hz = median_of(clocks);
  peak.instructions = median_of(instructions);
  peak.per_cycle = median_of(operations);
}

}  // namespace

PeakProbe probe_int8(const Kernels& kernels, ThreadPool& threads) {
  PeakProbe peak{.threads = threads.size()};
  constexpr int64_t kFirst = 1000;
  const double first_seconds = std::max(seconds_of([&] { kernels.int8_peak(kFirst); }), 1e-6);
  const auto iterations_of = [&](double seconds) {
    return static_cast<int64_t>(kFirst * seconds / first_seconds) + 1;
  };
  probe_one_thread(kernels, iterations_of(0.001), peak);
  // Rounds of about 40 ms; the best of a few, since what disturbs only ever slows.
  for (int round = 0; round < 6; ++round) {
    std::atomic<int64_t> operations{0};
    const int64_t iterations = iterations_of(0.04);
    const double seconds = seconds_of(
        [&] { threads.run([&](int) { operations += kernels.int8_peak(iterations).operations; }); });
    peak.operations = std::max(peak.operations, static_cast<double>(operations.load()) / seconds);
  }
  return peak;
}

std::string doubt_about(const PeakProbe& peak) {
  const auto in_hundredths = [](double value) {
    return std::to_string(static_cast<int64_t>(value)) + "." +
           std::to_string(static_cast<int64_t>(value * 10) % 10) +
           std::to_string(static_cast<int64_t>(value * 100) % 10);
  };
  if (peak.operations < 0.8 * peak.threads * peak.one_thread) {
    return "the threads together reached " +
           in_hundredths(peak.operations / (peak.threads * peak.one_thread)) +
           " of as many threads alone: cores are shared or busy, shares of this peak are too high";
  }
  if (peak.most_instructions == 0 || peak.clock_hz == 0) return {};
  const std::string found = in_hundredths(peak.instructions) + " multiplying instructions per cycle at " +
                            in_hundredths(peak.clock_hz * 1e-9) + " GHz";
  if (peak.clock_hz < 0.3e9 || peak.clock_hz > 8e9) return "implausible clock: " + found;
  if (peak.instructions > 1.06 * peak.most_instructions) {
    return found + " are more than the " + std::to_string(peak.most_instructions) + " any known CPU begins";
  }
  const double whole = std::max(1.0, std::round(peak.instructions));
  if (std::fabs(peak.instructions - whole) > 0.12) {
    return found + " are no whole number of ports: the probe is weak or was disturbed, shares of it mislead";
  }
  return {};
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
