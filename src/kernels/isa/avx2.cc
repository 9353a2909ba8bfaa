#include "kernels/isa/functions.h"

namespace pingti::avx2 {

#define PT_ISA_NAME "avx2"
#include "kernels/isa/table.inc"

}  // namespace pingti::avx2
