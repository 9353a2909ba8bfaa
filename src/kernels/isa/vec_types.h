// Element types of stored keys and values, for overloads of load() and store().
//
// Each vec_<isa>.h defines the same small set of operations on Vec, 16 floats, VecInt, 16 int32, and
// VecPairs, 16 pairs of int16, with internal linkage; attention.inc and elementwise.inc are written on top of
// them and compiled once per ISA.
#pragma once

#include <cstdint>

namespace pingti {

struct F16 {
  uint16_t bits;
};
struct BF16 {
  uint16_t bits;
};
// Two integers of 4 bits, 8 added to each.
struct Nibbles {
  uint8_t bits;
};

}  // namespace pingti
