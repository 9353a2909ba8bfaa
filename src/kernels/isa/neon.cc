#include "kernels/isa/functions.h"

namespace pingti::neon {

constinit const Kernels kKernels = {
    .isa = "neon",
    .quantize = quantize,
    .linear_int8 = linear_int8,
    .linear_f32 = linear_f32,
    .rms_norm = rms_norm,
    .rope = rope,
    .gated_activation = gated_activation,
    .add_scaled = add_scaled,
    .kv_append = kv_append,
    .attend_query = attend_query,
    .attend_block = attend_block,
    .attend_merge = attend_merge,
    .page_summary = page_summary,
    .page_weights = page_weights,
    .page_threshold = page_threshold,
    .max_and_sum_exp = max_and_sum_exp,
    .int8_peak = int8_peak,
};

}  // namespace pingti::neon
