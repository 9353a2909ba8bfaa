// Which models go to make room for another.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pingti {

struct EvictionCandidate {
  size_t model = 0;
  int64_t bytes = 0;
  bool leaving = false;  // chosen before: goes first
  std::chrono::steady_clock::time_point last_used;
};

// The longest unused that together free `needed` bytes; of these, none whose bytes are not needed, the last
// used being spared first. Empty when all are not enough.
std::vector<size_t> choose_victims(std::vector<EvictionCandidate> candidates, int64_t needed);

}  // namespace pingti
