// Time taken to find which tokens a grammar allows next, as a histogram.
#pragma once

#include <array>
#include <cstdint>

namespace pingti {

struct MaskStats {
  static constexpr std::array<double, 12> kBounds = {2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4,
                                                     2e-4, 5e-4, 1e-3, 2e-3, 1e-2, 5e-2};  // seconds
  std::array<uint64_t, kBounds.size() + 1> counts{};  // [i]: up to kBounds[i]; the last: above
  double seconds = 0;

  void add(double taken) {
    size_t i = 0;
    while (i < kBounds.size() && taken > kBounds[i]) ++i;
    ++counts[i];
    seconds += taken;
  }
};

struct CompileStats {
  uint64_t compiled = 0;
  uint64_t cache_hits = 0;
  uint64_t refused = 0;   // malformed, unsupported or over a limit
  uint64_t timeouts = 0;  // answered with an error before the grammar was ready
  double seconds = 0;     // spent compiling
  uint64_t cache_bytes = 0;
};

}  // namespace pingti
