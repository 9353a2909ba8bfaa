// AVX-VNNI adds one instruction to AVX2, the int8 dot product; everything else is AVX2's.
#include "kernels/isa/functions.h"

namespace pingti::avxvnni {

using namespace avx2;

#define PT_ISA_NAME "avxvnni"
#include "kernels/isa/table.inc"

}  // namespace pingti::avxvnni
