#include "kernels/isa/functions.h"

namespace pingti::reference {

#define PT_ISA_NAME "reference"
#include "kernels/isa/table.inc"

}  // namespace pingti::reference
