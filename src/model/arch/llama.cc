// Llama 2 and 3, Mistral, SmolLM2, R1-distilled Llama: rotary pairs are interleaved in GGUF files.
#include <fmt/format.h>

#include "model/architecture.h"

namespace pingti {
namespace {

Result<void> adapt(const gguf::File& file, ModelConfig& config) {
  config.rope_interleaved = true;
  if (file.has("llama.expert_count")) {
    PT_TRY(const int64_t experts, file.get<int64_t>("llama.expert_count"));
    if (experts > 0) {
      return fail(
          ErrorKind::kUnsupported, "model.unsupported",
          fmt::format("llama.expert_count is {}: mixtures of experts are not supported yet", experts));
    }
  }
  return {};
}

}  // namespace

extern const Architecture kLlamaArchitecture;
constinit const Architecture kLlamaArchitecture{.name = "llama", .block = {}, .adapt = adapt};

}  // namespace pingti
