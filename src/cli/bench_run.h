// One measurement of `pingti bench`, and the machine's limits it is compared with.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "kernels/probe.h"
#include "model/model.h"

namespace pingti {

struct BenchCase {
  int prompt = 0;     // tokens of prefill, or
  int generate = 0;   // tokens decoded one by one
  int depth = 0;      // tokens in the context before either
  int sequences = 1;  // decoded together

  int columns() const;        // activations of its products, but for the head's
  std::string label() const;  // "pp512", "tg64 @ d4096", "tg64 x8"
};

// What the machine can do with the threads given: operations (a multiply and an add are two) and bytes per
// second.
struct MachineLimits {
  PeakProbe int8;
  double read_bytes = 0;
};
MachineLimits measure_limits(const Kernels& kernels, ThreadPool& threads);

struct BenchResult {
  BenchCase bench;
  std::vector<double> tokens_per_second;  // one per repetition
  double share_of_limit = 0;              // of the median, 0..1
  AttentionWork attention;                // of the repetitions; none without an attention policy
  std::string limit;                      // "compute" or "bandwidth": whichever this test is closer to

  double mean() const;
  double median() const;
  double deviation() const;
};

Result<BenchResult> run_bench(Model& model, const BenchCase& bench, int repetitions,
                              const MachineLimits& limits);

}  // namespace pingti
