#include "engine/memory_needs.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/huge_buffer.h"
#include "base/machine.h"
#include "engine/kv_budget.h"
#include "engine/kv_type.h"
#include "engine/scheduler.h"
#include "gguf/gguf.h"
#include "model/model_needs.h"

namespace pingti {
namespace {

constexpr int64_t kLeastContext = 4096;  // unless the model was trained for less
// Of a token in the vocabulary: its text, its merges and what finds them.
constexpr int64_t kVocabularyBytes = 400;
// What is not counted one by one: plans, queues, buffers of the drafters, memory the allocator keeps.
constexpr int64_t kOtherBytes = int64_t{24} << 20;
constexpr int kMostDraftRows = 64;  // rows that drafted tokens add to a batch, at most

struct Plan {
  gguf::File file;
  ModelNeeds needs;
  int64_t fixed = 0;
  int64_t page_bytes = 0;  // of all groups

  KvBudgetInput kv(const EngineOptions& options, int64_t memory) const {
    return {.groups = needs.kv_groups,
            .trained_context = needs.config.max_context,
            .max_sequences = options.max_sequences,
            .prefill_chunk = options.prefill_chunk,
            .memory = memory,
            .exact = true};
  }
};

Result<Plan> plan(const std::string& path, const EngineOptions& options, bool target) {
  PT_TRY(gguf::File file, gguf::File::open(path));
  ModelOptions how{.activations_f32 = options.activations_f32};
  PT_TRY(how.kv_type, parse_kv_type(options.kv_type));
  if (target) {
    PT_TRY(how.attention, make_attention_policy(options.attention_window, options.attention_sinks,
                                                options.sparse_attention));
  }
  const int threads = options.threads > 0 ? options.threads : available_cpus();
  PT_TRY(ModelNeeds needs, model_needs(file, how, threads));
  Plan plan{.file = std::move(file), .needs = std::move(needs)};
  const int drafted = options.speculate == "off" ? 0 : std::max(options.draft_max, kMostDraftRows);
  const int64_t logit_rows = options.max_sequences + SchedulerLimits{}.max_prompt_logits + drafted;
  const int64_t rows = options.max_sequences + options.prefill_chunk + drafted;
  plan.fixed = plan.needs.weight_bytes + plan.needs.other_bytes + rows * plan.needs.row_bytes +
               plan.needs.config.vocab * (logit_rows * int64_t{sizeof(float)} + kVocabularyBytes) +
               kOtherBytes;
  for (const KvGroup& group : plan.needs.kv_groups) plan.page_bytes += group.page_bytes;
  return plan;
}

// Both models' pages for `tokens`, with the memory divided as make_engine divides it (draft_kv_memory).
int64_t kv_bytes(const EngineOptions& options, const Plan& target, const Plan* draft, int64_t tokens) {
  const int64_t own = kv_pool_bytes(target.kv(options, 0), tokens);
  if (draft == nullptr) return own;
  const double part =
      static_cast<double>(draft->page_bytes) / static_cast<double>(draft->page_bytes + target.page_bytes);
  const int64_t its = kv_pool_bytes(draft->kv(options, 0), std::min(tokens, draft->needs.config.max_context));
  return static_cast<int64_t>(
             std::ceil(std::max(static_cast<double>(own) / (1 - part), static_cast<double>(its) / part))) +
         1;
}

}  // namespace

Result<MemoryNeeds> memory_needs(const EngineOptions& options, int64_t share) {
  PT_TRY(const Plan target, plan(options.model_path, options, true));
  const ModelConfig& config = target.needs.config;
  MemoryNeeds needs{.fixed = target.fixed,
                    .architecture = config.architecture,
                    .trained_context = config.max_context,
                    .vocab = config.vocab,
                    .file_bytes = static_cast<int64_t>(target.file.file_bytes())};
  const auto name = target.file.get_or<std::string>("general.name", "");
  needs.model_name =
      name && !name->empty() ? *name : std::filesystem::path(options.model_path).stem().string();
  for (const gguf::TensorInfo& tensor : target.file.tensors()) needs.parameters += tensor.values();

  std::optional<Plan> draft;
  if (!options.draft_model_path.empty() && (options.speculate == "auto" || options.speculate == "draft")) {
    PT_TRY(draft, plan(options.draft_model_path, options, false));
    needs.fixed += draft->fixed;
  }
  const Plan* drafting = draft ? &*draft : nullptr;
  if (options.context > config.max_context) {
    needs.context = config.max_context;  // loading says what is wrong
  } else if (options.context > 0) {
    needs.context = options.context;
  } else {
    const double part = drafting == nullptr
                            ? 1
                            : static_cast<double>(target.page_bytes) /
                                  static_cast<double>(target.page_bytes + drafting->page_bytes);
    const auto memory =
        static_cast<int64_t>(static_cast<double>(std::max<int64_t>(0, share - needs.fixed)) * part);
    needs.context = std::min(config.max_context, kv_tokens_within(target.kv(options, memory),
                                                                  std::min(kLeastContext, config.max_context),
                                                                  config.max_context));
  }
  const auto groups =
      static_cast<int64_t>(target.needs.kv_groups.size() + (drafting ? drafting->needs.kv_groups.size() : 0));
  needs.fixed += static_cast<int64_t>(options.swap_space * (int64_t{1} << 30));
  needs.fixed += groups * HugeBuffer::held_bytes(int64_t{2} << 20);  // pages of the pools' ends
  needs.kv_least = kv_bytes(options, target, drafting, needs.context);
  needs.kv_most = kv_bytes(options, target, drafting, needs.context * options.max_sequences);
  return needs;
}

}  // namespace pingti
