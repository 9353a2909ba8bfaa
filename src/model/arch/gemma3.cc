// Gemma 3 (arXiv 2503.19786): five sliding-window layers to one full layer, each kind with its own rotary
// base, RMS norms on q and k and after each branch, GELU, scaled embeddings. Files store norm weights with
// the 1 already added.
#include <fmt/format.h>

#include <cmath>

#include "model/architecture.h"

namespace pingti {
namespace {

constexpr int kPattern = 6;  // each sixth layer sees everything
constexpr int64_t kMostWindow = int64_t{1} << 24;
constexpr float kLocalRopeBase = 10000.0f;

Result<void> adapt(const gguf::File& file, ModelConfig& config) {
  config.activation = Activation::kGeluTanh;
  config.post_norms = true;
  config.qk_norm = true;
  config.embedding_scale = std::sqrt(static_cast<float>(config.hidden));
  // The 27B model scales by its hidden size per head instead of its head size.
  if (config.layers == 62) {
    config.attention_scale =
        1.0f / std::sqrt(static_cast<float>(config.hidden) / static_cast<float>(config.heads));
  }
  PT_TRY(const int64_t window, file.get_or<int64_t>("gemma3.attention.sliding_window", 1024));
  PT_TRY(const float local_base, file.get_or<float>("gemma3.rope.local.freq_base", kLocalRopeBase));
  PT_TRY(config.logit_softcap, file.get_or<float>("gemma3.final_logit_softcapping", 0.0f));
  if (window < 1 || window > kMostWindow || !(local_base > 0) || !std::isfinite(local_base) ||
      !std::isfinite(config.logit_softcap)) {
    return fail(
        ErrorKind::kInvalid, "model.bad_value",
        fmt::format("gemma3.attention.sliding_window {}, rope.local.freq_base {} and "
                    "final_logit_softcapping {}: expected are 1 to {}, a positive and a finite number",
                    window, local_base, config.logit_softcap, kMostWindow));
  }
  for (int layer = 0; layer < config.layers; ++layer) {
    if ((layer + 1) % kPattern == 0) continue;
    config.attention[static_cast<size_t>(layer)] = {
        .window = static_cast<int>(window), .rope_base = local_base, .rope_scale = 1.0f};
  }
  return {};
}

}  // namespace

extern const Architecture kGemma3Architecture;
constinit const Architecture kGemma3Architecture{.name = "gemma3",
                                                 .block = {.query_norm = "attn_q_norm",
                                                           .key_norm = "attn_k_norm",
                                                           .post_attention_norm = "post_attention_norm",
                                                           .post_ffn_norm = "post_ffw_norm"},
                                                 .adapt = adapt};

}  // namespace pingti
