// What is fast on one machine and not on another, found from its caches and a short measurement instead of
// being written down for one of them. None of it changes a bit of any result: it says how work is cut, never
// in which order a sum is taken (decoder_test and linear_test try extremes).
//
// machine_tuning() measures once per machine, instruction set, thread count and version and keeps the answer
// in $XDG_CACHE_HOME/pingti/tuning (~/.cache without it). PINGTI_TUNE=off takes what the caches alone
// suggest.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/machine.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "kernels/kernels.h"

namespace pingti {

struct Tuning {
  LinearTuning linear;
  int64_t piece_bytes =
      320 << 10;                   // of weights a thread takes at a time, where they are read from the caches
  int64_t parallel_values = 8192;  // elementwise operations on fewer values stay on one thread
  int64_t attention_rows = 48;     // query rows per tile of attention: their scores stay in the L2 cache
};

// One number of a tuning, with its limits.
struct TuningField {
  std::string name;
  int64_t* value;
  int64_t least, most;
};
std::vector<TuningField> fields_of(Tuning& tuning);

// From the caches alone.
Tuning derive_tuning(const CacheSizes& caches);
// Starting from `derived`: in turn, what the kernels of this machine gain by. What `seconds` do not suffice
// for (a slow or busy machine) stays as derived, and the measurement is not complete.
struct MeasuredTuning {
  Tuning tuning;
  bool complete = true;
};
MeasuredTuning measure_tuning(const Kernels& kernels, ThreadPool& threads, const CacheSizes& caches,
                              const Tuning& derived, double seconds);

// A line `key`, then a line "name value" for every field. Reading refuses another key, missing, unknown and
// repeated names, and values beyond their limits.
std::string to_text(const std::string& key, Tuning tuning);
Result<Tuning> parse_tuning(std::string_view text, const std::string& key);

// The kept tuning of this machine, measured when there is none that can be read, and kept when that is
// complete. A folder that cannot be written only costs the next start its measurement.
Tuning machine_tuning(const Kernels& kernels, ThreadPool& threads);

}  // namespace pingti
