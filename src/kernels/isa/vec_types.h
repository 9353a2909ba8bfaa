// Element types of stored keys and values, for overloads of load() and store().
//
// Each vec_<isa>.h defines the same small set of operations on Vec, 16 floats, with internal linkage;
// attention.inc and elementwise.inc are written on top of them and compiled once per ISA.
#pragma once

#include <cstdint>

namespace pingti {

struct F16 {
  uint16_t bits;
};
struct BF16 {
  uint16_t bits;
};

}  // namespace pingti
