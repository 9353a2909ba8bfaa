#include "kernels/isa/functions.h"
#include "kernels/isa/vec_neon.h"

#define PT_ISA_NAMESPACE neon
#include "kernels/isa/math.inc"

#include "kernels/isa/page_select.inc"
