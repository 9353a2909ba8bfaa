// Loads model files into engines of this process that take turns at its CPUs. Two engines of the same file do
// not share its weights.
#pragma once

#include "base/fair_turns.h"
#include "serving/model_loader.h"

namespace pingti {

class EngineLoader final : public ModelLoader {
 public:
  using Find = std::function<Result<std::string>(const std::string& model)>;
  // find: the file of a model's name.
  explicit EngineLoader(Find find) : find_(std::move(find)) {}

  Result<MemoryNeeds> needs(const ModelSpec& spec, int64_t share) override;
  Result<std::unique_ptr<Engine>> load(const ModelSpec& spec, const MemoryGrant& grant,
                                       std::function<void(double)> progress) override;

 private:
  Result<EngineOptions> options(const ModelSpec& spec) const;
  Find find_;
  std::shared_ptr<FairTurns> turns_ = std::make_shared<FairTurns>();
};

}  // namespace pingti
