// Loading: from a model file's tensors to the decoder's layers on its backend.
#include <fmt/format.h>

#include <algorithm>

#include "base/machine.h"
#include "model/cpu_backend.h"
#include "model/decoder.h"
#include "model/lora_file.h"
#include "model/tensors.h"

namespace pingti {
namespace {

// Reads the tensors of one block and sums what they weigh.
class BlockLoader {
 public:
  BlockLoader(const gguf::File& file, Backend& backend, int block, int64_t& bytes)
      : file_(file), backend_(backend), prefix_(fmt::format("blk.{}.", block)), bytes_(bytes) {}

  Result<std::vector<float>> vector(const char* name, int64_t count) const {
    if (*name == '\0') return std::vector<float>{};
    return read_vector(file_, prefix_ + name + ".weight", count);
  }

  struct Piece {
    const char* name;
    int64_t rows;
  };
  // Matrices stacked along rows, each with its bias where the file has one.
  Result<std::unique_ptr<Weight>> stack(std::initializer_list<Piece> pieces, int64_t cols) const {
    WeightSource source{.file = &file_};
    for (const Piece& piece : pieces) {
      PT_TRY(const gguf::TensorInfo* tensor,
             find_matrix(file_, prefix_ + piece.name + ".weight", piece.rows, cols));
      source.parts.push_back(tensor);
      source.biases.push_back(file_.find_tensor(prefix_ + piece.name + ".bias"));
    }
    PT_TRY(auto weight, backend_.load_weight(source));
    bytes_ += weight->bytes;
    return weight;
  }

 private:
  const gguf::File& file_;
  Backend& backend_;
  std::string prefix_;
  int64_t& bytes_;
};

Result<std::unique_ptr<Weight>> load_table(const gguf::File& file, Backend& backend, const std::string& name,
                                           int64_t rows, int64_t cols) {
  PT_TRY(const gguf::TensorInfo* tensor, find_matrix(file, name, rows, cols));
  return backend.load_weight({.file = &file, .parts = {tensor}, .biases = {nullptr}});
}

// A bias makes a few dimensions of every key so large that four bits lose the rest: the perplexity of
// Qwen2.5-Coder-1.5B goes from 14 to 4346.
Result<void> check_kv_type(const gguf::File& file, KvType kv_type) {
  if (kv_type != KvType::kQ4 || file.find_tensor("blk.0.attn_k.bias") == nullptr) return {};
  return fail(ErrorKind::kUnsupported, "model.kv_type",
              "KV type q4 does not hold the keys of this model, which have a bias",
              "use --kv-type q8, or f16");
}

}  // namespace

Result<std::unique_ptr<Decoder>> Decoder::load(const gguf::File& file, std::unique_ptr<Backend> backend,
                                               const ModelOptions& options) {
  PT_TRY(const Architecture* architecture, find_architecture(file));
  auto decoder = std::make_unique<Decoder>();
  decoder->kernels_ = options.kernels;
  decoder->backend_ = std::move(backend);
  ModelConfig& config = decoder->config_;
  PT_TRY(config, read_config(file, *architecture));
  decoder->policy_ = options.attention;
  apply_attention_policy(options.attention, config);

  PT_TRY(const gguf::TensorInfo* table, find_matrix(file, "token_embd.weight", /*rows=*/-1, config.hidden));
  config.vocab = static_cast<int>(table->rows());
  if (file.find_tensor("rope_freqs.weight") != nullptr) {
    PT_TRY(config.rope_factors, read_vector(file, "rope_freqs.weight", config.rotary_dim / 2));
  }
  PT_TRY_VOID(check_kv_type(file, options.kv_type));
  decoder->plan_groups(options.kv_type);

  const auto report = [&](int done) {
    if (options.progress) options.progress(static_cast<double>(done) / (config.layers + 1));
  };
  PT_TRY(decoder->embedding_,
         load_table(file, *decoder->backend_, "token_embd.weight", config.vocab, config.hidden));
  decoder->weight_bytes_ += decoder->embedding_->bytes;
  if (file.find_tensor("output.weight") != nullptr) {
    PT_TRY(decoder->head_,
           load_table(file, *decoder->backend_, "output.weight", config.vocab, config.hidden));
    decoder->weight_bytes_ += decoder->head_->bytes;
  }
  PT_TRY(decoder->output_norm_, read_vector(file, "output_norm.weight", config.hidden));
  for (int layer = 0; layer < config.layers; ++layer) {
    report(layer + 1);
    PT_TRY_VOID(decoder->load_layer(file, *architecture, layer));
  }
  report(config.layers + 1);
  return decoder;
}

Result<void> Decoder::load_layer(const gguf::File& file, const Architecture& architecture, int index) {
  const BlockTensorNames& names = architecture.block;
  const BlockLoader block(file, *backend_, index, weight_bytes_);
  const int64_t q_rows = int64_t{config_.heads} * config_.head_dim;
  const int64_t kv_rows = int64_t{config_.kv_heads} * config_.head_dim;
  Layer& layer = layers_[static_cast<size_t>(index)];
  PT_TRY(layer.attention_norm, block.vector(names.attention_norm, config_.hidden));
  PT_TRY(layer.query_norm, block.vector(names.query_norm, config_.head_dim));
  PT_TRY(layer.key_norm, block.vector(names.key_norm, config_.head_dim));
  PT_TRY(layer.post_attention_norm, block.vector(names.post_attention_norm, config_.hidden));
  PT_TRY(layer.ffn_norm, block.vector(names.ffn_norm, config_.hidden));
  PT_TRY(layer.post_ffn_norm, block.vector(names.post_ffn_norm, config_.hidden));
  PT_TRY(layer.qkv,
         block.stack({{names.query, q_rows}, {names.key, kv_rows}, {names.value, kv_rows}}, config_.hidden));
  PT_TRY(layer.output, block.stack({{names.attention_output, config_.hidden}}, q_rows));
  PT_TRY(layer.gate_up, block.stack({{names.gate, config_.ffn}, {names.up, config_.ffn}}, config_.hidden));
  PT_TRY(layer.down, block.stack({{names.down, config_.hidden}}, config_.ffn));
  return {};
}

void Decoder::plan_groups(KvType kv_type) {
  const int64_t layer_bytes = int64_t{config_.kv_heads} * 2 * kv_head_bytes(kv_type, config_.head_dim);
  layers_.resize(static_cast<size_t>(config_.layers));
  for (size_t i = 0; i < layers_.size(); ++i) {
    const LayerAttention& attention = config_.attention[i];
    auto group = std::ranges::find_if(groups_, [&](const KvGroup& other) {
      return other.window == attention.window && other.sinks == attention.sinks;
    });
    if (group == groups_.end()) {
      group = groups_.insert(group, KvGroup{.window = attention.window, .sinks = attention.sinks});
    }
    group->layers.push_back(static_cast<int>(i));
    layers_[i].group = static_cast<size_t>(group - groups_.begin());
    layers_[i].page_offset = group->page_bytes;
    group->page_bytes += layer_bytes;
    if (attention.sparse) {
      layers_[i].summary_offset = group->page_bytes;
      group->page_bytes += config_.kv_heads * page_summary_bytes(config_.head_dim);
    }

    auto same = [&](const Rope& rope) {
      return rope.base == attention.rope_base && rope.scale == attention.rope_scale;
    };
    auto rope = std::ranges::find_if(ropes_, same);
    if (rope == ropes_.end()) {
      ropes_.push_back(
          {attention.rope_base, attention.rope_scale,
           RopeTable(config_.rotary_dim, attention.rope_base, attention.rope_scale, config_.rope_factors)});
      rope = ropes_.end() - 1;
    }
    layers_[i].rope = static_cast<size_t>(rope - ropes_.begin());
  }
}

namespace {

// Refuses a file whose packed weights cannot be held, before the kernel ends the process for it.
Result<void> check_memory(const gguf::File& file) {
  int64_t needed = 0;
  for (const gguf::TensorInfo& tensor : file.tensors()) {
    const auto matrix = plan_packed(tensor.format->type, tensor.rows(), tensor.cols());
    needed += matrix && tensor.rows() > 1 ? matrix->bytes() : tensor.byte_size();
  }
  const uint64_t available = available_memory();
  if (static_cast<uint64_t>(needed) > available) {
    const auto mib = [](uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); };
    return fail(ErrorKind::kExhausted, "model.memory",
                fmt::format("the weights need {:.0f} MiB of memory, but {:.0f} MiB are available",
                            mib(static_cast<uint64_t>(needed)), mib(available)),
                "choose a smaller model or quantization");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Adapter>> Model::load_adapter(const LoraFile& file) {
  return fail(ErrorKind::kUnsupported, "lora.unsupported", "this model takes no adapters");
}

Result<std::unique_ptr<Adapter>> Decoder::load_adapter(const LoraFile& file) {
  PT_TRY(auto adapter, DecoderAdapter::load(file, config_, *backend_));
  return std::unique_ptr<Adapter>(std::move(adapter));
}

Result<std::unique_ptr<Model>> Model::load(const gguf::File& file, const ModelOptions& options) {
  PT_TRY_VOID(check_memory(file));
  auto backend = make_cpu_backend({.kernels = options.kernels,
                                   .threads = options.threads,
                                   .kv_type = options.kv_type,
                                   .count_attention = options.attention.enabled(),
                                   .activations_f32 = options.activations_f32,
                                   .tuning = options.tuning});
  PT_TRY(auto decoder, Decoder::load(file, std::move(backend), options));
  return std::unique_ptr<Model>(std::move(decoder));
}

}  // namespace pingti
