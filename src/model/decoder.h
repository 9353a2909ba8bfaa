// The one decoder all architectures share: pre-norm transformer blocks as the ModelConfig describes them.
#pragma once

#include <memory>
#include <vector>

#include "model/architecture.h"
#include "model/backend.h"
#include "model/decoder_adapter.h"
#include "model/model.h"
#include "model/rope_table.h"

namespace pingti {

class Decoder final : public Model {
 public:
  static Result<std::unique_ptr<Decoder>> load(const gguf::File& file, std::unique_ptr<Backend> backend,
                                               const ModelOptions& options);

  const ModelConfig& config() const override { return config_; }
  const Kernels& kernels() const override { return *kernels_; }
  std::span<const KvGroup> kv_groups() const override { return groups_; }
  int64_t weight_bytes() const override { return weight_bytes_; }
  int64_t bytes_per_token() const override { return weight_bytes_ - (head_ ? embedding_->bytes : 0); }
  AttentionWork attention_work() const override { return backend_->attention_work(); }
  Result<std::unique_ptr<Adapter>> load_adapter(const LoraFile& file) override;
  void forward(const Batch& batch, std::span<KvPool* const> pools, float* logits) override;

 private:
  struct Layer {
    std::vector<float> attention_norm;       // [hidden]
    std::vector<float> query_norm;           // [head_dim]
    std::vector<float> key_norm;             // [head_dim]
    std::vector<float> post_attention_norm;  // [hidden]
    std::vector<float> ffn_norm;             // [hidden]
    std::vector<float> post_ffn_norm;        // [hidden]
    std::unique_ptr<Weight> qkv;             // [(heads + 2 kv_heads) * head_dim, hidden]
    std::unique_ptr<Weight> output;          // [hidden, heads * head_dim]
    std::unique_ptr<Weight> gate_up;         // [2 * ffn, hidden], gate first
    std::unique_ptr<Weight> down;            // [hidden, ffn]
    size_t group = 0;                        // index into groups_
    int64_t page_offset = 0;
    int64_t summary_offset = 0;
    size_t rope = 0;  // index into ropes_
  };
  // Memory for `rows` rows of a batch; grows to the largest batch seen.
  struct Workspace {
    int rows = 0;
    float* x = nullptr;                  // [rows, hidden], the residual stream
    float* qkv = nullptr;                // [rows, (heads + 2 kv_heads) * head_dim]
    float* gate_up = nullptr;            // [rows, 2 * ffn], once a batch has adapters
    float* branch = nullptr;             // [rows, hidden], with post_norms
    std::unique_ptr<Operand> normed;     // [rows, hidden]
    std::unique_ptr<Operand> attended;   // [rows, heads * head_dim]
    std::unique_ptr<Operand> activated;  // [rows, ffn]
  };
  struct Rope {
    float base;
    float scale;
    RopeTable table;
    std::vector<float> cos;  // [rows, rotary_dim / 2] of the current batch
    std::vector<float> sin;
  };

  Result<void> load_layer(const gguf::File& file, const Architecture& architecture, int index);
  void plan_groups(KvType kv_type);
  void prepare(const Batch& batch);
  // y += what the adapters of the batch add to a weight of this layer and width.
  void add_updates(std::unique_ptr<LowRank> LayerUpdates::* weight, size_t layer, const Operand& in,
                   int64_t width, float* y);
  // wanted: the rows that come out of the last layer.
  void run_layer(size_t index, const Batch& batch, std::span<KvPool* const> pools,
                 std::span<const int32_t> wanted, int& rows);
  void write_hidden(const Batch& batch, std::span<const int32_t> wanted, int& rows);

  const Kernels* kernels_ = nullptr;
  std::unique_ptr<Backend> backend_;
  ModelConfig config_;
  AttentionPolicy policy_;
  std::vector<KvGroup> groups_;
  std::vector<Rope> ropes_;
  std::vector<Layer> layers_;
  std::unique_ptr<Weight> embedding_;  // [vocab, hidden]
  std::unique_ptr<Weight> head_;       // null: tied to the embedding
  std::vector<float> output_norm_;     // [hidden]
  int64_t weight_bytes_ = 0;
  Workspace workspace_;
  std::vector<AdapterRows> adapted_;  // of the current batch
  std::vector<LowRankRows> updates_;  // scratch of add_updates()
};

}  // namespace pingti
