// Randomness by position: a pure function of (seed, choice, position, stream), so that a draw is the same
// whatever was computed before it. Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", SC'11): the seed is the key, the rest the counter.
#pragma once

#include <array>
#include <cstdint>

namespace pingti {

std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

// Independent numbers of one position.
enum class RandomStream : uint32_t { kDraw, kXtc };

// Uniform in [0, 1), 53 bits.
double uniform(uint64_t seed, int choice, int64_t position, RandomStream stream);

}  // namespace pingti
