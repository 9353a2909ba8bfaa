#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>
#include <utility>

#include "base/fair_turns.h"
#include "base/machine.h"
#include "engine/kv_budget.h"
#include "engine/kv_fingerprint.h"
#include "engine/kv_type.h"
#include "engine/loaded_model.h"
#include "engine/local_engine.h"
#include "engine/speculation/open_drafters.h"
#include "engine/vocab_from_gguf.h"
#include "gguf/gguf.h"

namespace pingti {
namespace {

// Kept free for activations, logits and everything else this machine does.
constexpr int64_t kMemoryReserve = int64_t{256} << 20;

Result<void> check_options(const EngineOptions& options) {
  const auto check = [](std::string_view what, int64_t value, int64_t least) -> Result<void> {
    if (value >= least) return {};
    return fail(ErrorKind::kInvalid, "engine.option",
                fmt::format("{} is {}; it must be at least {}", what, value, least));
  };
  PT_TRY_VOID(check("threads", options.threads, 0));
  PT_TRY_VOID(check("context", options.context, 0));
  PT_TRY_VOID(check("max_sequences", options.max_sequences, 1));
  PT_TRY_VOID(check("swap_space", options.swap_space >= 0 && options.swap_space <= 1e6 ? 0 : -1, 0));
  PT_TRY_VOID(check_speculation(options));
  return check("prefill_chunk", options.prefill_chunk, 1);
}

// "avx512vnni, Q4_K Q6_K": the kernels and the formats of the model's matrices.
std::string kernels_in_use(const gguf::File& file, std::string_view isa) {
  std::set<std::string_view> formats;
  for (const gguf::TensorInfo& tensor : file.tensors()) {
    if (tensor.dim_count >= 2) formats.insert(tensor.format->name);
  }
  return fmt::format("{}, {}", isa, fmt::join(formats, " "));
}

std::string model_name(const gguf::File& file, const std::string& path) {
  const auto name = file.get_or<std::string>("general.name", "");
  return name && !name->empty() ? *name : std::filesystem::path(path).stem().string();
}

// The pooling type of embedding models, as llama.cpp numbers them; ways that decoders here have none of (the
// first token's state, a ranking head) count as none.
Pooling pooling_of(const gguf::File& file, const std::string& architecture) {
  constexpr uint32_t kMean = 1;
  constexpr uint32_t kLast = 3;
  const auto type = file.get_or<uint32_t>(architecture + ".pooling_type", 0u);
  if (!type) return Pooling::kNone;
  return *type == kMean ? Pooling::kMean : *type == kLast ? Pooling::kLast : Pooling::kNone;
}

// A query's work on one earlier key against its work on the weights.
RecomputeCost recompute_cost(const ModelConfig& config, int64_t parameters) {
  const double per_key = 2.0 * config.layers * config.heads * config.head_dim;
  return {.per_earlier_token = per_key / static_cast<double>(std::max<int64_t>(1, parameters))};
}

KvReuse reuse_of(const EngineOptions& options, const ModelConfig& config, int64_t parameters) {
  return {.prefixes = options.prefix_reuse,
          .cost = recompute_cost(config, parameters),
          .sessions = {.keys = options.cache_keys,
                       .tokens = options.cache_key_tokens,
                       .share = options.cache_key_share,
                       .expiry = std::chrono::seconds(static_cast<int64_t>(options.cache_key_seconds))}};
}

Result<std::optional<DiskReuse::Parts>> open_disk(const EngineOptions& options, const LoadedModel& loaded) {
  if (options.kv_disk.empty() || !options.prefix_reuse) return std::nullopt;
  PT_TRY(std::string fingerprint, kv_fingerprint(loaded, options));
  PT_TRY(auto store, KvStore::open(options.kv_disk, {.max_bytes = options.kv_disk_bytes}));
  return DiskReuse::Parts{.store = std::move(store), .fingerprint = std::move(fingerprint)};
}

struct Text {
  std::unique_ptr<Tokenizer> tokenizer;
  std::unique_ptr<const ChatTemplate> chat_template;
};

Result<Text> load_text(const gguf::File& file) {
  PT_TRY(Vocab vocab, read_vocab(file));
  const auto spelling = [&vocab](int32_t id) {
    return id >= 0 && static_cast<size_t>(id) < vocab.tokens.size() ? vocab.tokens[static_cast<size_t>(id)]
                                                                    : std::string();
  };
  std::string source =
      vocab.chat_template.empty() ? std::string(ChatTemplate::fallback()) : vocab.chat_template;
  PT_TRY(ChatTemplate chat_template,
         ChatTemplate::create(std::move(source), spelling(vocab.bos), spelling(vocab.eos)));
  Text text;
  PT_TRY(text.tokenizer, Tokenizer::create(std::move(vocab)));
  text.chat_template = std::make_unique<const ChatTemplate>(std::move(chat_template));
  return text;
}

// A turn for each layer, so that engines at work go on.
Result<LoadedModel> load_in_turns(gguf::File file, EngineOptions options) {
  FairTurns::Member member(options.turns);
  options.progress = [&member, report = std::move(options.progress)](double fraction) {
    member.leave();
    if (report) report(fraction);
    member.enter();
  };
  const Turn turn(member);
  return load_model(std::move(file), options);
}

}  // namespace

Result<std::unique_ptr<Engine>> make_engine(const EngineOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  PT_TRY_VOID(check_options(options));
  PT_TRY(LaneSettings lanes, parse_lanes(options));
  PT_TRY(gguf::File opened, gguf::File::open(options.model_path));
  PT_TRY(Text text, load_text(opened));  // before the weights: what is wrong with it shows at once
  PT_TRY(LoadedModel loaded, load_in_turns(std::move(opened), options));
  const gguf::File& file = *loaded.file;
  PT_TRY(const KvType kv_type, parse_kv_type(options.kv_type));
  PT_TRY(auto draft_model, load_draft_model(options,
                                            {.kernels = loaded.kernels,
                                             .threads = loaded.threads.get(),
                                             .kv_type = kv_type,
                                             .activations_f32 = options.activations_f32,
                                             .tuning = loaded.tuning},
                                            text.tokenizer->vocab()));
  const auto available = static_cast<int64_t>(std::min<uint64_t>(available_memory(), INT64_MAX));
  const int64_t memory =
      options.kv_memory > 0 ? options.kv_memory : std::max<int64_t>(0, available - kMemoryReserve);
  const int64_t draft_memory = draft_kv_memory(*loaded.model, draft_model.get(), memory);
  const ModelConfig& config = loaded.model->config();
  PT_TRY(const KvBudget budget, plan_kv({.groups = loaded.model->kv_groups(),
                                         .trained_context = config.max_context,
                                         .wanted_context = options.context,
                                         .max_sequences = options.max_sequences,
                                         .prefill_chunk = options.prefill_chunk,
                                         .memory = memory - draft_memory,
                                         .exact = options.kv_memory > 0}));
  int64_t parameters = 0;
  for (const gguf::TensorInfo& tensor : file.tensors()) parameters += tensor.values();
  PT_TRY(KvSpace space,
         KvSpace::create(budget.groups, kPageTokens, reuse_of(options, config, parameters)));
  PT_TRY(auto disk, open_disk(options, loaded));
  PT_TRY(auto drafters,
         make_drafters(options, std::move(draft_model),
                       {.vocab = config.vocab, .context = budget.context, .kv_memory = draft_memory}));

  EngineInfo info{.model_name = model_name(file, options.model_path),
                  .architecture = config.architecture,
                  .isa = loaded.kernels->isa,
                  .kernels = kernels_in_use(file, loaded.kernels->isa),
                  .attention = describe(loaded.attention),
                  .threads = loaded.threads->size(),
                  .context = budget.context,
                  .trained_context = config.max_context,
                  .kv_tokens = budget.tokens,
                  .vocab = config.vocab,
                  .weight_bytes = loaded.model->weight_bytes(),
                  .parameters = parameters,
                  .hidden = config.hidden,
                  .pooling = pooling_of(file, config.architecture)};
  info.kv_bytes = draft_memory;
  for (const KvGroupShape& group : budget.groups) info.kv_bytes += group.page_bytes * group.page_count;
  info.load_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  PT_TRY(auto engine, LocalEngine::create(
                          {.threads = std::move(loaded.threads),
                           .model = std::move(loaded.model),
                           .tokenizer = std::move(text.tokenizer),
                           .chat_template = std::move(text.chat_template),
                           .space = std::move(space),
                           .info = std::move(info),
                           .max_sequences = options.max_sequences,
                           .prefill_chunk = options.prefill_chunk,
                           .lanes = std::move(lanes),
                           .parking_bytes = static_cast<int64_t>(options.swap_space * (int64_t{1} << 30)),
                           .drafters = std::move(drafters),
                           .speculation = {.draft_max = options.draft_max, .draft_min = options.draft_min},
                           .disk = std::move(disk),
                           .turns = options.turns}));
  return engine;
}

}  // namespace pingti
