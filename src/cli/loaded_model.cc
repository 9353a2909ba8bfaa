#include "cli/loaded_model.h"

#include <utility>

namespace pingti {

Result<LoadedModel> load_model(const EngineFlags& flags) {
  PT_TRY(const EngineOptions options, flags.resolved());
  PT_TRY(gguf::File file, gguf::File::open(options.model_path));
  return load_model(std::move(file), options);
}

}  // namespace pingti
