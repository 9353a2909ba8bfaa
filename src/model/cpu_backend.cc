#include "model/cpu_backend.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <new>

#include "model/cpu_attention.h"
#include "model/cpu_linear.h"
#include "model/cpu_low_rank.h"
#include "model/cpu_operand.h"
#include "model/cpu_weight.h"

namespace pingti {
namespace {

// Rows whose logits are computed at once; each takes two columns of the head's product.
constexpr int kHeadRows = 32;

// Memory the system refuses ends the step, which its caller survives.
template <class T>
T allocated(Result<T> memory) {
  if (!memory) throw std::bad_alloc();
  return *std::move(memory);
}

class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(const CpuBackendOptions& options)
      : kernels_(*options.kernels),
        threads_(*options.threads),
        kv_type_(options.kv_type),
        activations_f32_(options.activations_f32),
        tuning_(options.tuning),
        attention_(kernels_, threads_, kv_type_, tuning_.attention_rows, options.count_attention),
        linear_(kernels_, threads_, tuning_, activations_f32_),
        low_rank_(kernels_, threads_) {}

  Result<std::unique_ptr<Weight>> load_weight(const WeightSource& source) override {
    PT_TRY(auto weight, CpuWeight::load(source, threads_));
    PT_TRY_VOID(linear_.reserve(*weight));
    return std::unique_ptr<Weight>(std::move(weight));
  }

  float* allocate_rows(int64_t rows, int64_t width) override {
    rows_.push_back(allocated(HugeBuffer::allocate(static_cast<size_t>(rows * width) * sizeof(float))));
    return rows_.back().as<float>();
  }
  void free_rows() override { rows_.clear(); }

  std::unique_ptr<Operand> make_operand(int64_t rows, int64_t width) override {
    return allocated(CpuOperand::create(rows, width, !activations_f32_));
  }

  void embed(const Weight& table, std::span<const int32_t> tokens, float scale, float* x) override {
    const auto& weight = static_cast<const CpuWeight&>(table);
    over_rows(static_cast<int64_t>(tokens.size()), weight.cols, [&](int64_t row) {
      float* out = x + row * weight.cols;
      weight.decode_row(tokens[static_cast<size_t>(row)], out);
      if (scale != 1.0f) {
        for (int64_t i = 0; i < weight.cols; ++i) out[i] *= scale;
      }
    });
  }

  void norm(const float* x, int rows, int64_t width, const float* weight, float eps, const Weight& reader,
            Operand& out) override {
    auto& operand = static_cast<CpuOperand&>(out);
    const bool floats = operand.with_floats || linear_.reads_floats(static_cast<const CpuWeight&>(reader));
    size_norm_rows(width);
    over_rows_by_thread(rows, width, [&](int64_t row, int thread) {
      float* normed = floats ? operand.row(row) : norm_row_.data() + thread * width;
      kernels_.rms_norm(x + row * width, weight, eps, width, normed);
      if (ActivationBlock* blocks = operand.row_int8(row)) {
        kernels_.quantize(normed, width, reader.scale_block, blocks);
      }
    });
  }

  void linear(const Weight& weight, const Operand& in, int rows, float* y, bool accumulate) override {
    linear_.run(static_cast<const CpuWeight&>(weight), static_cast<const CpuOperand&>(in), rows, y,
                accumulate);
  }

  void gated_linear(const Weight& gate_up, const Operand& in, int rows, Activation activation,
                    const Weight& reader, Operand& out) override {
    linear_.run_gated(static_cast<const CpuWeight&>(gate_up), static_cast<const CpuOperand&>(in), rows,
                      activation, static_cast<const CpuWeight&>(reader), static_cast<CpuOperand&>(out));
  }

  // The head's activations are carried as two int8 terms, the second holding what the first rounded away:
  // errors here reach the logits undamped, while decoding pays little, since the weights are read once.
  void logits(const Weight& head, const float* x, int rows, const float* norm_weight, float eps,
              float* logits) override {
    const auto& matrix = static_cast<const CpuWeight&>(head);
    const bool two_terms = !activations_f32_ && !matrix.any_float();
    if (head_in_ == nullptr)
      head_in_ = allocated(CpuOperand::create(2 * kHeadRows, matrix.cols, !activations_f32_));
    for (int begin = 0; begin < rows; begin += kHeadRows) {
      const int count = std::min(kHeadRows, rows - begin);
      float* out = logits + begin * matrix.rows;
      over_rows(count, matrix.cols, [&](int64_t row) {
        const int64_t column = two_terms ? 2 * row : row;
        kernels_.rms_norm(x + (begin + row) * matrix.cols, norm_weight, eps, matrix.cols,
                          head_in_->row(column));
        quantize(*head_in_, column, 0, matrix.cols, matrix.scale_block);
        if (two_terms) quantize_remainder(*head_in_, column, matrix.scale_block);
      });
      if (two_terms) {
        linear_.run_two_terms(matrix, *head_in_, count, out);
      } else {
        linear_.run(matrix, *head_in_, count, out, /*accumulate=*/false);
      }
    }
  }

  Result<std::unique_ptr<LowRank>> load_low_rank(std::span<const LowRankPart> parts) override {
    PT_TRY(auto update, CpuLowRank::load(parts));
    return std::unique_ptr<LowRank>(std::move(update));
  }

  void add_low_rank(std::span<const LowRankRows> updates, const Operand& in, int64_t width,
                    float* y) override {
    low_rank_.run(updates, static_cast<const CpuOperand&>(in), width, y);
  }

  void norm_add(const float* y, int rows, int64_t width, const float* weight, float eps, float* x) override {
    size_norm_rows(width);
    over_rows_by_thread(rows, width, [&](int64_t row, int thread) {
      float* normed = norm_row_.data() + thread * width;
      kernels_.rms_norm(y + row * width, weight, eps, width, normed);
      kernels_.add_scaled(x + row * width, normed, 1.0f, width);
    });
  }

  void rope_append(const AttentionLayer& layer, const Batch& batch, const RopeRows& rope,
                   float* qkv) override {
    const ModelConfig& config = *layer.config;
    const int64_t width = int64_t{config.heads + 2 * config.kv_heads} * config.head_dim;
    over_rows(static_cast<int64_t>(batch.tokens.size()), width,
              [&](int64_t row) { rope_append_row(layer, batch, rope, row, qkv + row * width); });
    if (layer.sparse != nullptr) attention_.summarize_pages(layer, batch);
  }

  void attention(const AttentionLayer& layer, const Batch& batch, const float* qkv, const Weight& reader,
                 Operand& out) override {
    auto& operand = static_cast<CpuOperand&>(out);
    attention_.run(layer, batch, qkv, operand, activations_f32_ ? 0 : reader.scale_block);
  }

  AttentionWork attention_work() const override { return attention_.work(); }

  void hidden(const float* x, int rows, int64_t width, const float* weight, float eps, float* out) override {
    over_rows(rows, width, [&](int64_t row) {
      kernels_.rms_norm(x + row * width, weight, eps, width, out + row * width);
    });
  }

  void keep_rows(std::span<const int32_t> rows, Operand& operand, float* x, int64_t width) override {
    auto& rows_in = static_cast<CpuOperand&>(operand);
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto to = static_cast<int64_t>(i);
      const int64_t from = rows[i];
      if (from == to) continue;
      std::memmove(x + to * width, x + from * width, static_cast<size_t>(width) * sizeof(float));
      std::memmove(rows_in.row(to), rows_in.row(from), static_cast<size_t>(rows_in.width) * sizeof(float));
      if (rows_in.row_int8(0) != nullptr) {
        std::memmove(rows_in.row_int8(to), rows_in.row_int8(from),
                     static_cast<size_t>(rows_in.blocks) * sizeof(ActivationBlock));
      }
    }
  }

  void gated_activation(Activation activation, const float* gate_up, int rows, int64_t ffn,
                        const Weight& reader, Operand& out) override {
    auto& operand = static_cast<CpuOperand&>(out);
    constexpr int64_t kPiece = 1024;  // a multiple of every quantization block
    const int64_t pieces = (ffn + kPiece - 1) / kPiece;
    over_rows(rows * pieces, kPiece, [&](int64_t task) {
      const int64_t row = task / pieces;
      const int64_t begin = task % pieces * kPiece;
      const int64_t count = std::min(kPiece, ffn - begin);
      const float* gate = gate_up + row * 2 * ffn + begin;
      kernels_.gated_activation(activation, gate, gate + ffn, count, operand.row(row) + begin);
      quantize(operand, row, begin, count, reader.scale_block);
    });
  }

 private:
  template <class Body>
  void over_rows(int64_t rows, int64_t width, const Body& body) {
    over_rows_by_thread(rows, width, [&](int64_t row, int) { body(row); });
  }

  template <class Body>
  void over_rows_by_thread(int64_t rows, int64_t width, const Body& body) {
    if (rows == 1 || rows * width < tuning_.parallel_values) {
      for (int64_t row = 0; row < rows; ++row) body(row, 0);
      return;
    }
    const int64_t chunk = std::max<int64_t>(1, rows / (threads_.size() * 8));
    std::atomic<int64_t> next{0};
    threads_.run([&](int thread) {
      for (int64_t begin; (begin = next.fetch_add(chunk, std::memory_order_relaxed)) < rows;) {
        for (int64_t row = begin; row < std::min(rows, begin + chunk); ++row) body(row, thread);
      }
    });
  }

  void size_norm_rows(int64_t width) {
    const auto floats = static_cast<size_t>(threads_.size() * width);
    if (norm_row_.size() < floats) norm_row_.resize(floats);
  }

  // Column `column` + 1 becomes what quantizing column `column` lost.
  void quantize_remainder(CpuOperand& operand, int64_t column, int scale_block) const {
    const float* exact = operand.row(column);
    const ActivationBlock* blocks = operand.row_int8(column);
    float* lost = operand.row(column + 1);
    for (int64_t i = 0; i < operand.width; ++i) {
      const ActivationBlock& block = blocks[i / kActivationBlock];
      lost[i] = exact[i] - block.scale * static_cast<float>(block.q[i % kActivationBlock]);
    }
    quantize(operand, column + 1, 0, operand.width, scale_block);
  }

  // values [begin, begin + count) of a row; begin is a multiple of the scale block.
  void quantize(CpuOperand& operand, int64_t row, int64_t begin, int64_t count, int scale_block) const {
    if (ActivationBlock* blocks = operand.row_int8(row)) {
      kernels_.quantize(operand.row(row) + begin, count, scale_block, blocks + begin / kActivationBlock);
    }
  }

  void rope_append_row(const AttentionLayer& layer, const Batch& batch, const RopeRows& rope, int64_t row,
                       float* qkv) {
    const ModelConfig& config = *layer.config;
    const int dim = config.head_dim;
    const int half = config.rotary_dim / 2;
    float* k = qkv + int64_t{config.heads} * dim;
    const float* v = k + int64_t{config.kv_heads} * dim;
    if (config.qk_norm) {
      for (int head = 0; head < config.heads; ++head) {
        kernels_.rms_norm(qkv + head * dim, layer.q_norm, config.norm_eps, dim, qkv + head * dim);
      }
      for (int head = 0; head < config.kv_heads; ++head) {
        kernels_.rms_norm(k + head * dim, layer.k_norm, config.norm_eps, dim, k + head * dim);
      }
    }
    kernels_.rope({.x = qkv,
                   .heads = config.heads + config.kv_heads,
                   .head_dim = dim,
                   .rotary_dim = config.rotary_dim,
                   .cos = rope.cos + row * half,
                   .sin = rope.sin + row * half,
                   .interleaved = config.rope_interleaved});
    for (int head = 0; head < config.heads; ++head) kernels_.attend_query(kv_type_, dim, qkv + head * dim);
    const SequenceSlice& slice = slice_of(batch, row);
    const int64_t position = slice.first_position + row - slice.first_row;
    const PageId page = slice.pages[layer.group][static_cast<size_t>(position / kPageTokens)];
    const int64_t head_bytes = kv_head_bytes(kv_type_, dim);
    std::byte* k_out = layer.pool->data(page) + layer.page_offset;
    for (int head = 0; head < config.kv_heads; ++head) {
      kernels_.kv_append({.type = kv_type_,
                          .head_dim = dim,
                          .k = k + head * dim,
                          .v = v + head * dim,
                          .k_out = k_out + head * 2 * head_bytes,
                          .v_out = k_out + (head * 2 + 1) * head_bytes,
                          .slot = static_cast<int>(position % kPageTokens)});
    }
  }

  const Kernels& kernels_;
  ThreadPool& threads_;
  const KvType kv_type_;
  const bool activations_f32_;
  const Tuning tuning_;
  CpuAttention attention_;
  CpuLinear linear_;
  LowRankRunner low_rank_;
  std::vector<HugeBuffer> rows_;
  std::unique_ptr<CpuOperand> head_in_;  // [2 * kHeadRows, hidden]
  std::vector<float> norm_row_;          // [threads, width]
};

}  // namespace

std::unique_ptr<Backend> make_cpu_backend(const CpuBackendOptions& options) {
  return std::make_unique<CpuBackend>(options);
}

}  // namespace pingti
