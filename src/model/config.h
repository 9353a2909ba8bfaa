// A model as data: everything the shared decoder needs to know about an architecture and size.
// arch/<name>.cc fills it from a model file's metadata.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/kernels.h"

namespace pingti {

// Per layer, since models mix full and sliding-window attention.
struct LayerAttention {
  int window = 0;       // keys a query sees, itself included; 0: all
  int sinks = 0;        // with a window: first keys that every query sees as well
  bool sparse = false;  // queries choose the pages they read (attention_policy.h)
  float rope_base = 10000.0f;
  float rope_scale = 1.0f;  // positions are multiplied by it (linear scaling: 1 / factor)
};

struct ModelConfig {
  std::string architecture;  // GGUF general.architecture: "llama", "qwen2", "gemma3"
  std::string name;          // general.name, for people
  int layers = 0;
  int hidden = 0;  // residual stream width
  int heads = 0;   // query heads
  int kv_heads = 0;
  int head_dim = 0;
  int ffn = 0;  // feed-forward width
  int vocab = 0;
  int64_t max_context = 0;  // trained context, tokens
  float norm_eps = 1e-5f;
  int rotary_dim = 0;
  bool rope_interleaved = false;    // pairs (2i, 2i+1)
  std::vector<float> rope_factors;  // [rotary_dim / 2] divides each frequency (Llama 3.1); empty: ones
  Activation activation = Activation::kSilu;
  float attention_scale = 0;     // multiplies q . k
  float attention_softcap = 0;   // 0: none
  float logit_softcap = 0;       // 0: none
  float embedding_scale = 1.0f;  // multiplies token embeddings (Gemma: sqrt(hidden))
  bool post_norms = false;       // Gemma: norms after attention and feed-forward, before the residual
  bool qk_norm = false;          // RMS norm per head on q and k before rotary embedding
  std::vector<LayerAttention> attention;  // [layers]
};

}  // namespace pingti
