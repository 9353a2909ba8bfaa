#include "support/random_model.h"

#include <cmath>
#include <random>
#include <string>

#include "gguf/writer.h"

namespace pingti {
namespace {

class ModelWriter {
 public:
  explicit ModelWriter(const RandomModel& model) : model_(model), random_(model.seed) {}

  bool write(const std::filesystem::path& path) {
    write_metadata();
    matrix("token_embd.weight", model_.vocab, model_.hidden);
    vector("output_norm.weight", model_.hidden);
    matrix("output.weight", model_.vocab, model_.hidden);
    for (int layer = 0; layer < model_.layers; ++layer) write_layer("blk." + std::to_string(layer) + ".");
    return ok_ && writer_.write(path).has_value();
  }

 private:
  void write_metadata() {
    const std::string prefix = std::string(model_.architecture) + ".";
    writer_.set("general.architecture", model_.architecture);
    const auto number = [&](const char* key, int value) {
      writer_.set<uint32_t>(prefix + key, static_cast<uint32_t>(value));
    };
    number("block_count", model_.layers);
    number("context_length", 4096);
    number("embedding_length", model_.hidden);
    number("feed_forward_length", model_.ffn);
    number("attention.head_count", model_.heads);
    number("attention.head_count_kv", model_.kv_heads);
    number("attention.key_length", model_.head_dim);
    number("attention.value_length", model_.head_dim);
    number("attention.sliding_window", model_.window);
    writer_.set<float>(prefix + "attention.layer_norm_rms_epsilon", 1e-6f);
    writer_.set<float>(prefix + "rope.freq_base", 10000.0f);
  }

  void write_layer(const std::string& prefix) {
    const int q = model_.heads * model_.head_dim;
    const int kv = model_.kv_heads * model_.head_dim;
    const bool gemma = std::string(model_.architecture) == "gemma3";
    vector(prefix + "attn_norm.weight", model_.hidden);
    vector(prefix + "ffn_norm.weight", model_.hidden);
    if (gemma) {
      vector(prefix + "attn_q_norm.weight", model_.head_dim);
      vector(prefix + "attn_k_norm.weight", model_.head_dim);
      vector(prefix + "post_attention_norm.weight", model_.hidden);
      vector(prefix + "post_ffw_norm.weight", model_.hidden);
    }
    if (std::string(model_.architecture) == "qwen2") vector(prefix + "attn_q.bias", q);
    matrix(prefix + "attn_q.weight", q, model_.hidden);
    matrix(prefix + "attn_k.weight", kv, model_.hidden);
    matrix(prefix + "attn_v.weight", kv, model_.hidden);
    matrix(prefix + "attn_output.weight", model_.hidden, q);
    matrix(prefix + "ffn_gate.weight", model_.ffn, model_.hidden);
    matrix(prefix + "ffn_up.weight", model_.ffn, model_.hidden);
    matrix(prefix + "ffn_down.weight", model_.hidden, model_.ffn);
  }

  void matrix(const std::string& name, int rows, int cols) {
    const DType type = model_.formats[next_format_++ % model_.formats.size()];
    // Keeps activations of order one through the layers.
    add(name, type, rows, cols, 0.0f, 1.0f / std::sqrt(static_cast<float>(cols)));
  }
  void vector(const std::string& name, int count) { add(name, DType::kF32, 1, count, 1.0f, 0.1f); }

  void add(const std::string& name, DType type, int rows, int cols, float mean, float deviation) {
    const Format* format = find_format(type);
    std::normal_distribution<float> normal(mean, deviation);
    std::vector<float> values(static_cast<size_t>(rows) * static_cast<size_t>(cols));
    for (float& value : values) value = normal(random_);
    const auto count = static_cast<int64_t>(values.size());
    std::vector<std::byte> bytes(static_cast<size_t>(format->bytes_for(count)));
    format->encode(values.data(), bytes.data(), count);
    data_.push_back(std::move(bytes));
    std::vector<int64_t> dims{cols};
    if (rows > 1) dims.push_back(rows);
    ok_ = ok_ && writer_.add_tensor(name, format, dims, data_.back()).has_value();
  }

  const RandomModel& model_;
  std::mt19937 random_;
  gguf::Writer writer_;
  std::vector<std::vector<std::byte>> data_;
  size_t next_format_ = 0;
  bool ok_ = true;
};

}  // namespace

bool write_random_model(const RandomModel& model, const std::filesystem::path& path) {
  return ModelWriter(model).write(path);
}

}  // namespace pingti
