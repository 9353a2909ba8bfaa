// From EngineOptions to drafters: the draft model's file opened, checked against the target, and given its
// share of the KV memory.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/speculation/speculator.h"
#include "model/model.h"
#include "text/tokenizer.h"

namespace pingti {

// "engine.option" for a name, a count or a combination that means nothing.
Result<void> check_speculation(const EngineOptions& options);

// A draft model must mean the same by every id that it shares with the target; more or fewer ids at the end
// are fine. Otherwise "engine.draft_vocabulary", naming the first difference.
Result<void> check_same_vocabulary(const Vocab& target, const Vocab& draft);

// The draft model's weights; null without a draft model. Loaded as the target: kernels, threads, KV type.
Result<std::unique_ptr<Model>> load_draft_model(const EngineOptions& options, const ModelOptions& how,
                                                const Vocab& target);

// Of `memory` for KV pages, the draft model's part; 0 without a draft model.
int64_t draft_kv_memory(const Model& target, const Model* draft, int64_t memory);

struct DrafterNeeds {
  int64_t vocab = 0;      // of the target's logits
  int64_t context = 0;    // of one sequence
  int64_t kv_memory = 0;  // draft_kv_memory()
};
Result<std::vector<std::unique_ptr<Drafter>>> make_drafters(const EngineOptions& options,
                                                            std::unique_ptr<Model> draft_model,
                                                            const DrafterNeeds& needs);

}  // namespace pingti
