#include "kernels/isa/functions.h"

namespace pingti::neon {

#define PT_ISA_NAME "neon"
#include "kernels/isa/table.inc"

}  // namespace pingti::neon
