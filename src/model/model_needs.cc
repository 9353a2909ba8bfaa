#include "model/model_needs.h"

#include <algorithm>

#include "base/huge_buffer.h"
#include "kernels/attention.h"
#include "kernels/linear.h"
#include "kernels/page_select.h"
#include "model/architecture.h"
#include "model/attention_policy.h"
#include "model/cpu_operand.h"
#include "model/tensors.h"

namespace pingti {
namespace {

// Rows whose logits the backend computes at once, each in two terms (cpu_backend.cc).
constexpr int64_t kHeadTerms = 64;

// As Decoder::plan_groups does; engine tests compare the two.
std::vector<KvGroup> plan_groups(const ModelConfig& config, KvType kv_type) {
  std::vector<KvGroup> groups;
  for (size_t i = 0; i < config.attention.size(); ++i) {
    const LayerAttention& attention = config.attention[i];
    auto group = std::ranges::find_if(groups, [&](const KvGroup& other) {
      return other.window == attention.window && other.sinks == attention.sinks;
    });
    if (group == groups.end())
      group = groups.insert(group, KvGroup{.window = attention.window, .sinks = attention.sinks});
    group->layers.push_back(static_cast<int>(i));
    group->page_bytes += int64_t{config.kv_heads} * 2 * kv_head_bytes(kv_type, config.head_dim);
    if (attention.sparse) group->page_bytes += config.kv_heads * page_summary_bytes(config.head_dim);
  }
  return groups;
}

int64_t operand_bytes(int64_t width, bool int8) {
  const int64_t blocks = (width + kActivationBlock - 1) / kActivationBlock;
  return width * int64_t{sizeof(float)} + (int8 ? blocks * int64_t{sizeof(ActivationBlock)} : 0);
}

int64_t row_bytes(const ModelConfig& config, bool int8) {
  const int64_t q_width = int64_t{config.heads} * config.head_dim;
  const int64_t qkv_width = int64_t{config.heads + 2 * config.kv_heads} * config.head_dim;
  const int64_t floats = config.hidden * (config.post_norms ? 2 : 1) + qkv_width + int64_t{2} * config.ffn +
                         2 * int64_t{config.rotary_dim};
  return floats * int64_t{sizeof(float)} + operand_bytes(config.hidden, int8) + operand_bytes(q_width, int8) +
         operand_bytes(config.ffn, int8);
}

}  // namespace

Result<ModelNeeds> model_needs(const gguf::File& file, const ModelOptions& options, int thread_count) {
  ModelNeeds needs;
  PT_TRY(const Architecture* architecture, find_architecture(file));
  PT_TRY(needs.config, read_config(file, *architecture));
  apply_attention_policy(options.attention, needs.config);
  PT_TRY(const gguf::TensorInfo* table,
         find_matrix(file, "token_embd.weight", /*rows=*/-1, needs.config.hidden));
  needs.config.vocab = static_cast<int>(table->rows());
  needs.kv_groups = plan_groups(needs.config, options.kv_type);
  int64_t scratch = 0;
  for (const gguf::TensorInfo& tensor : file.tensors()) {
    const auto matrix = plan_packed(tensor.format->type, tensor.rows(), tensor.cols());
    if (matrix && tensor.rows() > 1) {
      needs.weight_bytes += HugeBuffer::held_bytes(matrix->bytes());
      scratch = std::max(scratch, static_cast<int64_t>(linear_scratch_bytes(*matrix)));
    } else {
      needs.weight_bytes += tensor.values() * int64_t{sizeof(float)};
    }
  }
  const bool int8 = !options.activations_f32;
  needs.row_bytes = row_bytes(needs.config, int8);
  needs.other_bytes =
      HugeBuffer::held_bytes(scratch) * thread_count +
      kHeadTerms * (needs.config.vocab * int64_t{sizeof(float)} + operand_bytes(needs.config.hidden, int8));
  return needs;
}

}  // namespace pingti
