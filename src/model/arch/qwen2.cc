// Qwen2, Qwen2.5 and R1-distilled Qwen: Llama's block with a bias on q, k and v (taken where present).
#include "model/architecture.h"

namespace pingti {
namespace {

Result<void> adapt(const gguf::File&, ModelConfig&) { return {}; }

}  // namespace

extern const Architecture kQwen2Architecture;
constinit const Architecture kQwen2Architecture{.name = "qwen2", .block = {}, .adapt = adapt};

}  // namespace pingti
