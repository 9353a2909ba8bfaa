// The dot products of Armv8.2 make linear_int8 another; everything else is NEON's.
#include "kernels/isa/functions.h"

namespace pingti::neondot {

using namespace neon;

#define PT_ISA_NAME "neondot"
#include "kernels/isa/table.inc"

}  // namespace pingti::neondot
