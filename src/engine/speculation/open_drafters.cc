#include "engine/speculation/open_drafters.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "engine/kv_budget.h"
#include "engine/speculation/model_drafter.h"
#include "engine/speculation/ngram_drafter.h"
#include "engine/vocab_from_gguf.h"
#include "gguf/gguf.h"

namespace pingti {
namespace {

constexpr int kMostDraft = 64;

int64_t page_bytes(const Model& model) {
  int64_t bytes = 0;
  for (const KvGroup& group : model.kv_groups()) bytes += group.page_bytes;
  return bytes;
}

Result<void> wrong_option(std::string message, std::string hint = {}) {
  return fail(ErrorKind::kInvalid, "engine.option", std::move(message), std::move(hint));
}

}  // namespace

Result<void> check_speculation(const EngineOptions& options) {
  constexpr std::array kNames = {"auto", "off", "ngram", "draft"};
  if (std::ranges::find(kNames, options.speculate) == kNames.end()) {
    return wrong_option(
        fmt::format("speculate is \"{}\"; it must be one of {}", options.speculate, fmt::join(kNames, ", ")));
  }
  if (options.speculate == "draft" && options.draft_model_path.empty())
    return wrong_option("speculate is draft, but no draft model is given", "name one with --draft-model");
  if (options.draft_max < 1 || options.draft_max > kMostDraft) {
    return wrong_option(
        fmt::format("draft_max is {}; it must be between 1 and {}", options.draft_max, kMostDraft),
        "--speculate off turns speculation off");
  }
  if (options.draft_min < 0 || options.draft_min > options.draft_max) {
    return wrong_option(fmt::format("draft_min is {}; it must be between 0 and draft_max, {}",
                                    options.draft_min, options.draft_max));
  }
  return {};
}

Result<void> check_same_vocabulary(const Vocab& target, const Vocab& draft) {
  const auto differs = [](const std::string& what) -> Result<void> {
    return fail(ErrorKind::kInvalid, "engine.draft_vocabulary",
                fmt::format("the draft model has another vocabulary than the model: {}", what),
                "choose a smaller model of the same family, or --speculate ngram");
  };
  if (target.model != draft.model || target.pre != draft.pre) {
    return differs(fmt::format("its tokenizer is \"{}\" (\"{}\"), the model's is \"{}\" (\"{}\")",
                               draft.model, draft.pre, target.model, target.pre));
  }
  const size_t shared = std::min(target.tokens.size(), draft.tokens.size());
  for (size_t id = 0; id < shared; ++id) {
    if (target.tokens[id] == draft.tokens[id]) continue;
    return differs(fmt::format("its token {} is \"{}\", the model's is \"{}\" ({} and {} tokens in all)", id,
                               draft.tokens[id], target.tokens[id], draft.tokens.size(),
                               target.tokens.size()));
  }
  return {};
}

Result<std::unique_ptr<Model>> load_draft_model(const EngineOptions& options, const ModelOptions& how,
                                                const Vocab& target) {
  const bool wanted = options.speculate == "auto" || options.speculate == "draft";
  if (!wanted || options.draft_model_path.empty()) return nullptr;
  PT_TRY(const gguf::File file, gguf::File::open(options.draft_model_path));
  PT_TRY(const Vocab vocab, read_vocab(file));
  PT_TRY_VOID(check_same_vocabulary(target, vocab));
  return Model::load(file, how);
}

// Both hold the same tokens.
int64_t draft_kv_memory(const Model& target, const Model* draft, int64_t memory) {
  if (draft == nullptr) return 0;
  const auto own = static_cast<double>(page_bytes(*draft));
  return static_cast<int64_t>(static_cast<double>(memory) * own /
                              (own + static_cast<double>(page_bytes(target))));
}

Result<std::vector<std::unique_ptr<Drafter>>> make_drafters(const EngineOptions& options,
                                                            std::unique_ptr<Model> draft_model,
                                                            const DrafterNeeds& needs) {
  std::vector<std::unique_ptr<Drafter>> drafters;
  if (options.speculate == "auto" || options.speculate == "ngram")
    drafters.push_back(std::make_unique<NgramDrafter>());
  if (draft_model == nullptr) return drafters;
  const int64_t trained = draft_model->config().max_context;
  PT_TRY(const KvBudget budget, plan_kv({.groups = draft_model->kv_groups(),
                                         .trained_context = trained,
                                         .wanted_context = std::min(needs.context, trained),
                                         .max_sequences = options.max_sequences,
                                         .prefill_chunk = options.prefill_chunk,
                                         .memory = needs.kv_memory,
                                         .exact = options.kv_memory > 0}));
  PT_TRY(KvSpace space, KvSpace::create(budget.groups, kPageTokens, options.prefix_reuse));
  PT_TRY(auto drafter, ModelDrafter::create({.model = std::move(draft_model),
                                             .space = std::move(space),
                                             .target_vocab = needs.vocab,
                                             .max_sequences = options.max_sequences}));
  drafters.push_back(std::move(drafter));
  return drafters;
}

}  // namespace pingti
