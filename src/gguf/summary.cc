#include "gguf/summary.h"

#include <algorithm>
#include <string_view>

namespace pingti::gguf {
namespace {

constexpr int64_t kMostSensible = int64_t{1} << 40;

std::string text_or_empty(const File& file, std::string_view key) {
  return file.get<std::string>(key).value_or("");
}

// A positive number, or the largest element of an array with one per layer.
std::optional<int64_t> count(const File& file, const std::string& key) {
  auto value = file.get<int64_t>(key);
  if (!value) {
    const auto per_layer = file.get_array<int64_t>(key);
    if (!per_layer || per_layer->empty()) return std::nullopt;
    value = *std::ranges::max_element(*per_layer);
  }
  if (*value <= 0 || *value > kMostSensible) return std::nullopt;
  return *value;
}

std::optional<int64_t> vocabulary(const File& file, const std::string& prefix) {
  if (const Value* tokens = file.find("tokenizer.ggml.tokens")) {
    if (const auto* array = std::get_if<Array>(tokens)) return static_cast<int64_t>(array->count);
  }
  return count(file, prefix + "vocab_size");
}

void add_facts(const File& file, Summary& summary) {
  summary.name = text_or_empty(file, "general.name");
  summary.architecture = text_or_empty(file, "general.architecture");
  const std::string prefix = summary.architecture + ".";
  summary.layers = count(file, prefix + "block_count");
  summary.hidden = count(file, prefix + "embedding_length");
  summary.ffn = count(file, prefix + "feed_forward_length");
  summary.heads = count(file, prefix + "attention.head_count");
  summary.kv_heads = count(file, prefix + "attention.head_count_kv");
  if (!summary.kv_heads) summary.kv_heads = summary.heads;
  summary.head_dim = count(file, prefix + "attention.key_length");
  if (!summary.head_dim && summary.hidden && summary.heads)
    summary.head_dim = *summary.hidden / *summary.heads;
  summary.context = count(file, prefix + "context_length");
  summary.window = count(file, prefix + "attention.sliding_window");
  summary.vocab = vocabulary(file, prefix);
  summary.experts = count(file, prefix + "expert_count");
  summary.experts_used = count(file, prefix + "expert_used_count");
}

void add_format(const TensorInfo& tensor, std::vector<FormatShare>& formats) {
  auto share = std::ranges::find(formats, tensor.format, &FormatShare::format);
  if (share == formats.end()) share = formats.insert(share, {tensor.format, 0, 0, 0});
  share->tensors += 1;
  share->values += tensor.values();
  share->bytes += tensor.byte_size();
}

int64_t decode_bytes(const File& file, const TensorInfo& tensor, const Summary& summary) {
  if (tensor.name == "token_embd.weight" && file.find_tensor("output.weight") != nullptr) {
    return tensor.row_bytes();
  }
  const bool of_experts = tensor.name.find("_exps.") != std::string_view::npos;
  if (of_experts && summary.experts && summary.experts_used && *summary.experts_used < *summary.experts) {
    return tensor.byte_size() / *summary.experts * *summary.experts_used;
  }
  return tensor.byte_size();
}

}  // namespace

Summary summarize(const File& file) {
  Summary summary;
  add_facts(file, summary);
  for (const TensorInfo& tensor : file.tensors()) {
    summary.parameters += tensor.values();
    summary.decode_bytes += decode_bytes(file, tensor, summary);
    add_format(tensor, summary.formats);
  }
  std::ranges::sort(summary.formats, std::ranges::greater{}, &FormatShare::bytes);
  return summary;
}

}  // namespace pingti::gguf
