#include "serving/engine_loader.h"

namespace pingti {

Result<EngineOptions> EngineLoader::options(const ModelSpec& spec) const {
  EngineOptions options = spec.engine;
  PT_TRY(options.model_path, find_(spec.model));
  if (!spec.draft_model.empty()) {
    PT_TRY(options.draft_model_path, find_(spec.draft_model));
  }
  return options;
}

Result<MemoryNeeds> EngineLoader::needs(const ModelSpec& spec, int64_t share) {
  PT_TRY(const EngineOptions options, this->options(spec));
  return memory_needs(options, share);
}

Result<std::unique_ptr<Engine>> EngineLoader::load(const ModelSpec& spec, const MemoryGrant& grant,
                                                   std::function<void(double)> progress) {
  PT_TRY(EngineOptions options, this->options(spec));
  if (grant.context > 0) options.context = grant.context;
  options.kv_memory = grant.kv_memory;
  options.turns = turns_;
  options.progress = std::move(progress);
  return make_engine(options);
}

}  // namespace pingti
