// The short measurement behind a tuning: products of this machine's kernels on made-up weights (speed does
// not depend on the values), each choice against what the caches suggest.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <limits>

#include "base/huge_buffer.h"
#include "kernels/tuning.h"

namespace pingti {
namespace {

// A choice must gain this much to displace the one suggested: less is noise.
constexpr double kWorthwhile = 0.97;
constexpr int64_t kCols = 1536;

using Clock = std::chrono::steady_clock;

double seconds_of(const auto& work) {
  const auto start = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class Measurement {
 public:
  Measurement(const Kernels& kernels, ThreadPool& threads, const CacheSizes& caches, const Tuning& derived,
              double seconds)
      : kernels_(kernels),
        threads_(threads),
        end_(Clock::now() +
             std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds))),
        tuning_(derived),
        weight_bytes_(std::clamp<int64_t>(2 * caches.l3_whole, 32 << 20, 128 << 20)) {}

  MeasuredTuning run() {
    if (!allocate()) return {tuning_, /*complete=*/false};
    measure_fork();
    // Tables that never widen have nothing else to choose.
    if (has_widened()) {
      for (int kind = 0; kind < kPackedFormats; ++kind) measure_direct(kind);
      const int64_t group = tuning_.linear.group_bytes;
      choose(tuning_.linear.group_bytes, {group, group / 2, 2 * group}, DType::kQ4_K, 256);
      const int64_t wide = tuning_.linear.wide_bytes;
      choose(tuning_.linear.wide_bytes, {wide, wide / 2, wide * 5 / 4}, DType::kQ6_K, 256);
      measure_stream();
    }
    return {tuning_, complete_};
  }

 private:
  bool allocate() {
    auto weights = HugeBuffer::allocate(static_cast<size_t>(weight_bytes_));
    auto activations = HugeBuffer::allocate(kMostColumns * kBlocks * sizeof(ActivationBlock));
    auto out = HugeBuffer::allocate(kMostColumns * kMostRows * sizeof(float));
    auto scratch = HugeBuffer::allocate(kScratchBytes);
    if (!weights || !activations || !out || !scratch) return false;
    weights_ = *std::move(weights);
    activations_ = *std::move(activations);
    out_ = *std::move(out);
    scratch_ = *std::move(scratch);
    std::memset(weights_.data(), 1, static_cast<size_t>(weight_bytes_));
    const std::vector<float> ones(kCols, 1.0f);
    for (int64_t c = 0; c < kMostColumns; ++c) {
      kernels_.quantize(ones.data(), kCols, kSuperScaleValues,
                        activations_.as<ActivationBlock>() + c * kBlocks);
    }
    return true;
  }

  bool late() {
    if (Clock::now() <= end_) return false;
    complete_ = false;
    return true;
  }

  // `panels` panels at offset `at` of the weights by `columns` columns, in pieces of piece_bytes (0: at
  // once).
  double product(DType type, int64_t at, int64_t panels, int columns, const LinearTuning& tuning,
                 int64_t piece_bytes = 0) {
    PackedMatrix matrix = plan_packed(type, panels * kPanelRows, kCols).value();
    matrix.data = weights_.data() + at;
    LinearArgs args{.weight = &matrix,
                    .columns = columns,
                    .x_int8 = activations_.as<ActivationBlock>(),
                    .x_stride = kBlocks,
                    .y = out_.as<float>(),
                    .y_stride = panels * kPanelRows,
                    .scratch = scratch_.data(),
                    .tuning = tuning};
    const int64_t step =
        piece_bytes == 0 ? panels : std::max<int64_t>(2, piece_bytes / matrix.panel_bytes / 2 * 2);
    return seconds_of([&] {
      for (int64_t panel = 0; panel < panels; panel += step) {
        args.panel_begin = panel;
        args.panel_end = std::min(panels, panel + step);
        kernels_.linear_int8(args);
      }
    });
  }

  bool has_widened() const {
    const PanelLayout& layout = *panel_layout(DType::kQ6_K);
    LinearTuning tuning;
    std::ranges::fill(tuning.direct_columns, 1);
    return kernels_.plan_int8(layout, 2, tuning).widened;
  }

  // From where on widening a format pays, among powers of two. At each count the table's own choice stands
  // unless the other gains.
  void measure_direct(int kind) {
    const PanelLayout& layout = *panel_layout(kTypes[kind]);
    LinearTuning choices[2] = {tuning_.linear, tuning_.linear};  // direct, widened
    choices[0].direct_columns[kind] = kAlwaysDirect;
    choices[1].direct_columns[kind] = 1;
    if (!kernels_.plan_int8(layout, 2, choices[1]).widened) return;  // bytes that are read as they are
    constexpr int kCounts[] = {8, 16, 32, 64, 128, 256};
    int64_t pays_above = kAlwaysDirect;
    for (int i = std::size(kCounts) - 1; i >= 0; --i) {
      const int columns = kCounts[i];
      double times[2] = {kNever, kNever};
      for (int round = 0; round < 4; ++round) {
        for (int choice = 0; choice < 2; ++choice) {
          if (late()) return;
          times[choice] = std::min(times[choice], product(kTypes[kind], 0, 4, columns, choices[choice]));
        }
      }
      const bool suggested = kernels_.plan_int8(layout, columns, tuning_.linear).widened;
      const bool other_gains = times[!suggested] < times[suggested] * kWorthwhile;
      if (suggested == other_gains) break;
      pays_above = columns - 1;
    }
    tuning_.linear.direct_columns[kind] = pays_above;
  }

  // Sets `value` to the fastest of `choices`, the first of which is the suggestion.
  void choose(int64_t& value, const std::vector<int64_t>& choices, DType type, int columns) {
    std::vector<double> times(choices.size(), kNever);
    const int64_t suggested = value;
    for (int round = 0; round < 7; ++round) {
      for (size_t i = 0; i < choices.size(); ++i) {
        if (late()) {
          value = suggested;
          return;
        }
        value = choices[i];
        times[i] = std::min(times[i], product(type, 0, kMostRows / kPanelRows, columns, tuning_.linear));
      }
    }
    const auto best = std::ranges::min_element(times);
    value = *best < times[0] * kWorthwhile ? choices[static_cast<size_t>(best - times.begin())] : suggested;
  }

  // Up to how many columns weights had better stream from memory once: the counts up to the
  // suggested one unless reading them from the caches in pieces gains, larger ones if streaming gains. The
  // weights wander through a buffer that no cache holds.
  void measure_stream() {
    constexpr DType kType = DType::kQ4_K;
    const int64_t panel_bytes = plan_packed(kType, kPanelRows, kCols).value().panel_bytes;
    const int64_t panels = kMostRows / kPanelRows;
    int64_t at = 0;
    int64_t best = 11;
    for (const int columns : {12, 24, 36, 48, 72, 96}) {
      double times[2] = {0, 0};
      for (const bool streams : {true, false}) {
        LinearTuning tuning = tuning_.linear;
        tuning.stream_columns = streams ? columns : columns - 1;
        std::vector<double> samples;
        for (int round = 0; round < 5; ++round) {
          if (late()) return;
          samples.push_back(product(kType, at, panels, columns, tuning, streams ? 0 : tuning_.piece_bytes));
          at += panels * panel_bytes;
          if (at + panels * panel_bytes > weight_bytes_) at = 0;
        }
        std::ranges::sort(samples);
        times[streams ? 0 : 1] = samples[samples.size() / 2];
      }
      const bool suggested = columns <= tuning_.linear.stream_columns;
      if (suggested ? times[1] < times[0] * kWorthwhile : times[0] > times[1] * kWorthwhile) break;
      best = columns;
    }
    tuning_.linear.stream_columns = best;
  }

  // Where sharing out elementwise work pays: what starting and joining the threads costs, in values that one
  // thread normalizes and quantizes meanwhile.
  void measure_fork() {
    if (threads_.size() == 1) return;
    constexpr int kRuns = 200;
    double fork = kNever;
    for (int round = 0; round < 5; ++round) {
      fork = std::min(fork, seconds_of([&] {
                              for (int i = 0; i < kRuns; ++i) threads_.run([](int) {});
                            }) / kRuns);
    }
    std::vector<float> row(kCols, 1.0f);
    double work = kNever;
    for (int round = 0; round < 20; ++round) {
      work = std::min(work, seconds_of([&] {
                        kernels_.rms_norm(row.data(), nullptr, 1e-5f, kCols, row.data());
                        kernels_.quantize(row.data(), kCols, kSuperScaleValues,
                                          activations_.as<ActivationBlock>());
                      }));
    }
    const double saved = work / kCols * (1 - 1.0 / threads_.size());
    tuning_.parallel_values = std::clamp<int64_t>(static_cast<int64_t>(2 * fork / saved), 1024, 1 << 20);
  }

  static constexpr int64_t kAlwaysDirect = int64_t{1} << 30;
  static constexpr double kNever = std::numeric_limits<double>::infinity();
  static constexpr int64_t kBlocks = kCols / kActivationBlock;
  static constexpr int64_t kMostColumns = 256;
  static constexpr int64_t kMostRows = 512;
  static constexpr size_t kScratchBytes = size_t{8} << 20;  // above 5/4 of the largest wide_bytes suggested
  static constexpr DType kTypes[kPackedFormats] = {
#define PT_PACKED(name, bits, sub_block, super, min, offset) DType::k##name,
#include "kernels/isa/packed_formats.inc"
#undef PT_PACKED
  };

  const Kernels& kernels_;
  ThreadPool& threads_;
  const Clock::time_point end_;
  Tuning tuning_;
  bool complete_ = true;
  const int64_t weight_bytes_;
  HugeBuffer weights_;      // any bytes: read as panels of every format
  HugeBuffer activations_;  // [kMostColumns, kBlocks]
  HugeBuffer out_;          // [kMostColumns, kMostRows]
  HugeBuffer scratch_;
};

}  // namespace

MeasuredTuning measure_tuning(const Kernels& kernels, ThreadPool& threads, const CacheSizes& caches,
                              const Tuning& derived, double seconds) {
  return Measurement(kernels, threads, caches, derived, seconds).run();
}

}  // namespace pingti
