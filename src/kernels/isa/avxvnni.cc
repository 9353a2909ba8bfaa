// AVX-VNNI adds one instruction to AVX2, the int8 dot product; everything else is AVX2's.
#include "kernels/isa/functions.h"

namespace pingti::avxvnni {

constinit const Kernels kKernels = {
    .isa = "avxvnni",
    .quantize = avx2::quantize,
    .linear_int8 = linear_int8,
    .linear_f32 = avx2::linear_f32,
    .rms_norm = avx2::rms_norm,
    .rope = avx2::rope,
    .gated_activation = avx2::gated_activation,
    .add_scaled = avx2::add_scaled,
    .kv_append = avx2::kv_append,
    .attend_query = avx2::attend_query,
    .attend_block = avx2::attend_block,
    .attend_merge = avx2::attend_merge,
    .page_summary = avx2::page_summary,
    .page_weights = avx2::page_weights,
    .page_threshold = avx2::page_threshold,
    .max_and_sum_exp = avx2::max_and_sum_exp,
    .int8_peak = int8_peak,
};

}  // namespace pingti::avxvnni
