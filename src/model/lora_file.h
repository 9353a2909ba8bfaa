// A LoRA adapter (arXiv 2106.09685) as its files hold it: pairs of low-rank matrices for the decoder's
// products.
//
// Read from a PEFT folder (adapter_config.json, adapter_model.safetensors), with rsLoRA scaling
// (arXiv 2312.03732) and alpha patterns, or from a GGUF file as llama.cpp's converter writes it. What would
// change the model's answers and is not here (DoRA, biases, saved modules, adapted embeddings or heads) is
// refused by name. The file owns the data its modules point into. Errors: "lora.*", "safetensors.*",
// "gguf.*", "file.*".
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "gguf/gguf.h"
#include "gguf/safetensors.h"

namespace pingti {

enum class LoraTarget { kQuery, kKey, kValue, kOutput, kGate, kUp, kDown };
constexpr int kLoraTargets = 7;
const char* name_of(LoraTarget target);  // as GGUF files call it: "attn_q"

// y += scale * B (A x)
struct LoraModule {
  int layer = 0;
  LoraTarget target = LoraTarget::kQuery;
  const gguf::TensorInfo* a = nullptr;  // [rank, inputs]
  const gguf::TensorInfo* b = nullptr;  // [outputs, rank]
  float scale = 1;

  int64_t rank() const { return a->rows(); }
};

class LoraFile {
 public:
  // A folder is read as PEFT's, anything else as GGUF.
  static Result<LoraFile> open(const std::filesystem::path& path);

  const std::vector<LoraModule>& modules() const { return modules_; }  // by layer, then target
  // Rows of the query and key matrices are in the order of Hugging Face checkpoints (halves of a rotary pair
  // apart), not in that of GGUF files of models with interleaved pairs.
  bool rotary_halves() const { return safetensors_ != nullptr; }
  // The model it was trained on as the file names it, or empty.
  const std::string& base_model() const { return base_model_; }

 private:
  friend class LoraFileReader;
  std::unique_ptr<gguf::SafetensorsFile> safetensors_;
  std::unique_ptr<gguf::File> gguf_;
  std::vector<LoraModule> modules_;
  std::string base_model_;
};

}  // namespace pingti
