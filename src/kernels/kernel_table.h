// The table of one instruction set's functions and its plain arguments. Included by the files compiled for
// one instruction set (isa/): no standard-library templates here. Everyone else includes kernels.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/attention.h"
#include "kernels/linear_args.h"
#include "kernels/page_select.h"

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

struct PeakRun {
  int64_t operations;    // a multiply and an add are two
  int64_t instructions;  // of those that multiply
  int most_per_cycle;    // such instructions the fastest known CPU begins in a cycle; 0: not known
};

enum class Activation { kSilu, kGeluTanh, kGeluErf, kRelu };

struct Kernels {
  const char* isa;  // the name in isa/isas.inc: "reference", "avx2" ...

  // Int8 activations: out[blocks], blocks = ceil(count / kActivationBlock); x is padded with zeros.
  // scale_block: values sharing one scale, 32 or 256: the largest PanelLayout::scale_block among the weights
  // that will read them; the last group may be shorter.
  void (*quantize)(const float* x, int64_t count, int scale_block, ActivationBlock* out);
  // y = W x for panels [panel_begin, panel_end) and all columns. Not for float formats.
  void (*linear_int8)(const LinearArgs& args);
  // The same product with float activations; W is decoded to float, products are summed in float along K.
  void (*linear_f32)(const LinearArgs& args);
  // What linear_int8 runs for a quantized format, and linear_f32 for any.
  LinearPlan (*plan_int8)(const PanelLayout& layout, int columns, const LinearTuning& tuning);
  LinearPlan (*plan_f32)(int columns);

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
  // Makes of q[head_dim], in place, what AttendRow::q points to. Nothing for float types.
  void (*attend_query)(KvType type, int head_dim, float* q);
  void (*attend_block)(const AttendBlockArgs& args);
  void (*attend_merge)(const AttendMergeArgs& args);

  // Which pages sparse attention reads.
  void (*page_summary)(const PageSummaryArgs& args);
  void (*page_weights)(const PageWeightArgs& args);
  // The largest threshold for which the pages of at least this weight suffice; 0: not even all do.
  float (*page_threshold)(const PageThresholdArgs& args);

  // max over x[count] and the sum of exp(x - max), in one fixed order. For softmax over a vocabulary.
  void (*max_and_sum_exp)(const float* x, int64_t count, float* max, float* sum);

  // Runs int8 dot products in registers only: the peak that linear_int8 is compared with.
  PeakRun (*int8_peak)(int64_t iterations);
};

}  // namespace pingti
