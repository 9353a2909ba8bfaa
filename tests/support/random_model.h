// Small models with random weights, for tests: written as GGUF files, in any storage formats.
#pragma once

#include <filesystem>
#include <vector>

#include "quant/format.h"

namespace pingti {

struct RandomModel {
  const char* architecture = "llama";  // llama, qwen2 or gemma3
  int layers = 2;
  int hidden = 256;
  int ffn = 512;
  int heads = 4;
  int kv_heads = 2;
  int head_dim = 64;
  int vocab = 300;
  int window = 40;                              // gemma3's sliding window
  std::vector<DType> formats = {DType::kQ4_K};  // taken in turn by the matrices
  uint32_t seed = 1;
};

// Writes the model; false when the file could not be written.
bool write_random_model(const RandomModel& model, const std::filesystem::path& path);

}  // namespace pingti
