#include "kernels/isa/functions.h"

namespace pingti::avx512vnni {

#define PT_ISA_NAME "avx512vnni"
#include "kernels/isa/table.inc"

}  // namespace pingti::avx512vnni
