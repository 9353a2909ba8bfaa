// What this process may use of the machine: CPUs (affinity mask and cgroup quota) and memory (cgroup limit).
#pragma once

#include <cstdint>

namespace pingti {

// CPUs granted: the affinity mask, capped by the cgroup quota rounded down; at least 1.
int available_cpus();

// Bytes this process could still allocate: the smaller of MemAvailable and what the cgroup leaves.
uint64_t available_memory();

// Resident set size of this process in bytes.
uint64_t resident_memory();

// Bytes of cache that a CPU has to itself if all are busy: a shared cache counts by its share. Of CPU 0;
// usual sizes where the system does not tell.
struct CacheSizes {
  int64_t l2 = 512 << 10;
  int64_t l3 = 0;        // 0: none
  int64_t l3_whole = 0;  // not divided
};
CacheSizes cache_sizes();

}  // namespace pingti
