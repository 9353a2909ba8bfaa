#include "kernels/isa/functions.h"
#include "kernels/isa/vec_avx512.h"

#define PT_ISA_NAMESPACE avx512vnni
#include "kernels/isa/math.inc"

#include "kernels/isa/page_select.inc"
