// The int8 matrix products of Armv8.6 make linear_int8 another; everything else is NEON's.
#include "kernels/isa/functions.h"

namespace pingti::neoni8mm {

using namespace neon;

#define PT_ISA_NAME "neoni8mm"
#include "kernels/isa/table.inc"

}  // namespace pingti::neoni8mm
