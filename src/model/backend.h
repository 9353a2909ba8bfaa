// The seam between the shared decoder and a device: fused block operations over the device's own memory.
// CpuBackend is the first implementation; a GPU's would be another.
//
// Shapes are [rows, width]: one row per token of the batch. Memory handed out by a backend (float rows,
// operands, weights) is only used with that backend. One thread calls at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "gguf/gguf.h"
#include "kernels/kernels.h"
#include "model/attention_policy.h"
#include "model/attention_work.h"
#include "model/batch.h"
#include "model/config.h"

namespace pingti {

// A weight matrix on the device: [rows, cols], possibly several file tensors stacked along rows, each in
// its own storage format, with an optional bias.
class Weight {
 public:
  virtual ~Weight() = default;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t bytes = 0;
  int scale_block = 32;  // activations it reads share int8 scales over so many values
};

// Input of linear(): [rows, width] activations in whatever form the device's products want (on the CPU:
// floats and int8 blocks). Written by norm(), attention() and gated_linear(), which are told the weight that
// will read it, and need write only what that one reads.
class Operand {
 public:
  virtual ~Operand() = default;
  bool with_floats = false;  // floats are written in any case: low-rank updates read them
};

// A low-rank update of a weight (LoRA): y += scale * B (A x), for some or all of the weight's stacked parts.
class LowRank {
 public:
  virtual ~LowRank() = default;
  int64_t bytes = 0;
};

struct LowRankPart {
  const gguf::TensorInfo* a = nullptr;  // [rank, cols]
  const gguf::TensorInfo* b = nullptr;  // [outputs, rank]
  float scale = 1;
  int64_t first_row = 0;             // of the weight's rows: where the outputs are added
  std::span<const int64_t> b_order;  // output i is row b_order[i] of b; empty: row i
};

// Rows [first_row, first_row + rows) of a batch take this update.
struct LowRankRows {
  const LowRank* update = nullptr;
  int first_row = 0;
  int rows = 0;
};

struct WeightSource {
  const gguf::File* file = nullptr;
  std::vector<const gguf::TensorInfo*> parts;   // stacked along rows; equal cols
  std::vector<const gguf::TensorInfo*> biases;  // none, or one per part (null: zeros)
};

// Positions of the batch's rows and the rotary angles of one layer kind.
struct RopeRows {
  const float* cos = nullptr;  // [rows, rotary_dim / 2]
  const float* sin = nullptr;
};

struct AttentionLayer {
  const ModelConfig* config = nullptr;
  int window = 0;                           // 0: all keys
  int sinks = 0;                            // with a window: first keys seen as well
  const SparseAttention* sparse = nullptr;  // null: every key seen is read
  const float* q_norm = nullptr;            // [head_dim], with config->qk_norm
  const float* k_norm = nullptr;
  KvPool* pool = nullptr;      // pages of this layer's group
  size_t group = 0;            // which page table of a SequenceSlice
  int64_t page_offset = 0;     // where this layer's K and V begin in a page of its group
  int64_t summary_offset = 0;  // with sparse: where its pages' summaries do (kernels/page_select.h)
};

class Backend {
 public:
  virtual ~Backend() = default;

  virtual Result<std::unique_ptr<Weight>> load_weight(const WeightSource& source) = 0;
  virtual float* allocate_rows(int64_t rows, int64_t width) = 0;  // freed with the backend
  virtual void free_rows() = 0;                                   // all of allocate_rows()
  virtual std::unique_ptr<Operand> make_operand(int64_t rows, int64_t width) = 0;

  // x[row] = scale * table[tokens[row]].
  virtual void embed(const Weight& table, std::span<const int32_t> tokens, float scale, float* x) = 0;
  // out = rms_norm(x) * weight.
  virtual void norm(const float* x, int rows, int64_t width, const float* weight, float eps,
                    const Weight& reader, Operand& out) = 0;
  // y = W in (+ bias), or y += with accumulate.
  virtual void linear(const Weight& weight, const Operand& in, int rows, float* y, bool accumulate) = 0;
  // gate_up: two matrices of [ffn, width], gate first. out = activation(gate in) * (up in): [rows, ffn].
  virtual void gated_linear(const Weight& gate_up, const Operand& in, int rows, Activation activation,
                            const Weight& reader, Operand& out) = 0;
  virtual Result<std::unique_ptr<LowRank>> load_low_rank(std::span<const LowRankPart> parts) = 0;
  // y [.., width] += each update of the same rows of in; width: rows of the weight they update. A row's bits
  // depend on its own update and input alone.
  virtual void add_low_rank(std::span<const LowRankRows> updates, const Operand& in, int64_t width,
                            float* y) = 0;
  // x += rms_norm(y) * weight, for models that normalize a branch before the residual.
  virtual void norm_add(const float* y, int rows, int64_t width, const float* weight, float eps,
                        float* x) = 0;
  // qkv: [rows, (heads + 2 kv_heads) * head_dim]. Normalizes and rotates q and k in place, then writes k
  // and v of every row into its page; with layer.sparse, also the summaries of the pages that became full. q
  // is left as attention() reads it, which may not be floats.
  virtual void rope_append(const AttentionLayer& layer, const Batch& batch, const RopeRows& rope,
                           float* qkv) = 0;
  // Attention of every row's q over its sequence's pages: out is [rows, heads * head_dim].
  virtual void attention(const AttentionLayer& layer, const Batch& batch, const float* qkv,
                         const Weight& reader, Operand& out) = 0;
  virtual AttentionWork attention_work() const = 0;
  // out = rms_norm(x) * weight, as floats in this process's own memory: [rows, width].
  virtual void hidden(const float* x, int rows, int64_t width, const float* weight, float eps,
                      float* out) = 0;
  // Keeps the given rows (ascending) of an operand and of the residual, packed to the front.
  virtual void keep_rows(std::span<const int32_t> rows, Operand& operand, float* x, int64_t width) = 0;
  // gate_up: [rows, 2 * ffn], gate first. out = activation(gate) * up: the second half of gated_linear(), to
  // the bit, for what is changed in between.
  virtual void gated_activation(Activation activation, const float* gate_up, int rows, int64_t ffn,
                                const Weight& reader, Operand& out) = 0;
  // logits[row] = head * rms_norm(x[row]): [rows, head.rows].
  virtual void logits(const Weight& head, const float* x, int rows, const float* norm_weight, float eps,
                      float* logits) = 0;
};

}  // namespace pingti
