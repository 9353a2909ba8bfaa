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

}  // namespace pingti
