// The int8 matrix products of Armv8.6 make linear_int8 another; everything else is NEON's.
#include "kernels/isa/functions.h"

namespace pingti::neoni8mm {

constinit const Kernels kKernels = {
    .isa = "neoni8mm",
    .quantize = neon::quantize,
    .linear_int8 = linear_int8,
    .linear_f32 = neon::linear_f32,
    .rms_norm = neon::rms_norm,
    .rope = neon::rope,
    .gated_activation = neon::gated_activation,
    .add_scaled = neon::add_scaled,
    .kv_append = neon::kv_append,
    .attend_query = neon::attend_query,
    .attend_block = neon::attend_block,
    .attend_merge = neon::attend_merge,
    .page_summary = neon::page_summary,
    .page_weights = neon::page_weights,
    .page_threshold = neon::page_threshold,
    .max_and_sum_exp = neon::max_and_sum_exp,
    .int8_peak = int8_peak,
};

}  // namespace pingti::neoni8mm
