#include "kernels/isa/functions.h"
#include "kernels/isa/vec_reference.h"

#define PT_ISA_NAMESPACE reference
#include "kernels/isa/math.inc"

#include "kernels/isa/page_select.inc"
