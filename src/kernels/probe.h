// What this machine can do with the threads given, measured in about a quarter of a second each.
#pragma once

#include <string>

#include "base/thread_pool.h"
#include "kernels/kernels.h"

namespace pingti {

// Int8 products in registers, and the same counted in clock cycles, which do not depend on how fast the clock
// happens to run. The clock is that of a chain of dependent additions, of which every CPU does one per cycle,
// timed right after products so that it runs as they make it run.
struct PeakProbe {
  double operations = 0;      // per second, all threads together; a multiply and an add are two
  double one_thread = 0;      // per second, one thread alone
  double clock_hz = 0;        // 0: not measurable on this architecture
  double per_cycle = 0;       // operations, one thread alone
  double instructions = 0;    // multiplying instructions per cycle, one thread alone
  int most_instructions = 0;  // PeakRun::most_per_cycle
  int threads = 0;
};
PeakProbe probe_int8(const Kernels& kernels, ThreadPool& threads);

// Why shares of this peak would mislead; empty: it is plausible. A CPU with n ports for these instructions
// begins n of them per cycle, so a sound probe comes out near a whole number between 1 and most_instructions:
// less means a probe held up by something else, more a wrong clock or a loop that the compiler took apart.
std::string doubt_about(const PeakProbe& peak);

// Bytes per second read from memory: a buffer far larger than the caches, on huge pages. 0 when there is no
// memory for the buffer.
double probe_read_bandwidth(ThreadPool& threads);

}  // namespace pingti
