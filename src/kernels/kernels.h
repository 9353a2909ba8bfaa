// The compute functions of one instruction set (ISA), as a table of plain function pointers.
//
// All functions are pure over the memory they are given, take no locks and may run on any thread; work is
// split over threads by the caller through the ranges in the arguments. Numerics contract: the bits of a
// result depend on the ISA and on the inputs of that one result only, never on how many columns, queries
// or keys-blocks were computed beside it, nor on how the range was split (docs/architecture.md,
// "Same answer at any load").
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "kernels/attention.h"
#include "kernels/linear.h"

namespace pingti {

struct RopeArgs {
  float* x;  // [heads, head_dim] of one token, rotated in place
  int heads;
  int head_dim;
  int rotary_dim;    // the first rotary_dim values of a head are rotated
  const float* cos;  // [rotary_dim / 2]
  const float* sin;  // [rotary_dim / 2]
  bool interleaved;  // pairs (2i, 2i+1), GGUF "norm"; otherwise (i, i + rotary_dim / 2), "neox"
};

enum class Activation { kSilu, kGeluTanh, kGeluErf, kRelu };

struct Kernels {
  const char* isa;  // "reference", "avx2", "avx512vnni"

  // Int8 activations: out[blocks], blocks = ceil(count / kActivationBlock); x is padded with zeros.
  void (*quantize)(const float* x, int64_t count, ActivationBlock* out);
  // y = W x for panels [panel_begin, panel_end) and all columns.
  void (*linear_int8)(const LinearArgs& args);
  // The same product with float activations; W is decoded to float, products are summed in float along K.
  void (*linear_f32)(const LinearArgs& args);

  // out[count] = x * weight / sqrt(mean(x^2) + eps); out may be x. weight may be null (all ones).
  void (*rms_norm)(const float* x, const float* weight, float eps, int64_t count, float* out);
  void (*rope)(const RopeArgs& args);
  // out[count] = activation(gate) * up; out may be gate.
  void (*gated_activation)(Activation activation, const float* gate, const float* up, int64_t count,
                           float* out);
  // x[count] += y * scale.
  void (*add_scaled)(float* x, const float* y, float scale, int64_t count);

  // Writes one token's K and V of one KV head into its page.
  void (*kv_append)(const KvAppendArgs& args);
  void (*attend_block)(const AttendBlockArgs& args);
  void (*attend_merge)(const AttendMergeArgs& args);

  // max over x[count] and the sum of exp(x - max), in one fixed order. For softmax over a vocabulary.
  void (*max_and_sum_exp)(const float* x, int64_t count, float* max, float* sum);
};

// CPU abilities found at start by CPUID (and the operating system's consent to the registers).
struct CpuFeatures {
  bool avx2 = false;  // with FMA and F16C
  bool avx_vnni = false;
  bool avx512 = false;  // F, BW, DQ, VL, VBMI
  bool avx512_vnni = false;
  bool avx512_bf16 = false;  // a feature of its own: CPUs exist with VNNI and without it
  std::string_view cpu_name;
};
const CpuFeatures& cpu_features();

// All tables built into this binary, best first (isa/isas.inc).
std::span<const Kernels* const> all_kernels();

// The best table this CPU runs, or the one forced by `isa` (empty: PINGTI_ISA, then automatic). An unknown
// name, or one this CPU lacks, is an error that lists what it has.
Result<const Kernels*> select_kernels(std::string_view isa = {});

}  // namespace pingti
