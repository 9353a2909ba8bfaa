#include "kernels/isa/functions.h"
#include "kernels/isa/vec_avx2.h"

#define PT_ISA_NAMESPACE avx2
#include "kernels/isa/math.inc"

#include "kernels/isa/page_select.inc"
