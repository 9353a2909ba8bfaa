// An architecture: how a model file's metadata becomes a ModelConfig, and what its tensors are called.
// One file in arch/, one line in arch/archs.inc.
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "gguf/gguf.h"
#include "model/config.h"

namespace pingti {

// GGUF names, without "blk.N." and ".weight"; empty: the architecture has no such tensor.
struct BlockTensorNames {
  const char* attention_norm = "attn_norm";
  const char* query = "attn_q";
  const char* key = "attn_k";
  const char* value = "attn_v";
  const char* query_norm = "";
  const char* key_norm = "";
  const char* attention_output = "attn_output";
  const char* post_attention_norm = "";
  const char* ffn_norm = "ffn_norm";
  const char* gate = "ffn_gate";
  const char* up = "ffn_up";
  const char* down = "ffn_down";
  const char* post_ffn_norm = "";
};

struct Architecture {
  const char* name;  // GGUF general.architecture
  BlockTensorNames block;
  // Changes what read_common_config() found to what this architecture is.
  Result<void> (*adapt)(const gguf::File& file, ModelConfig& config);
};

// The architecture a file names; an unknown one is an error that lists those known.
Result<const Architecture*> find_architecture(const gguf::File& file);
std::span<const Architecture* const> all_architectures();

// Sizes, norms and rotary settings under the keys all architectures share, checked, then adapted.
Result<ModelConfig> read_config(const gguf::File& file, const Architecture& architecture);

}  // namespace pingti
