// What this machine can do with the threads given, measured in about a quarter of a second each.
#pragma once

#include "base/thread_pool.h"
#include "kernels/kernels.h"

namespace pingti {

// Int8 operations per second in registers (a multiply and an add are two), all threads together.
double probe_int8_ops(const Kernels& kernels, ThreadPool& threads);

// Bytes per second read from memory: a buffer far larger than the caches, on huge pages. 0 when there is no
// memory for the buffer.
double probe_read_bandwidth(ThreadPool& threads);

}  // namespace pingti
