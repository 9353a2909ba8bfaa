#include "cli/engine_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <random>

#include "cli/print.h"
#include "hub/pull.h"

namespace pingti {

void add_engine_flags(CLI::App& app, EngineFlags* flags) {
  EngineOptions& options = flags->options;
  flags->activations = "int8";
  app.add_option("-m,--model", flags->model, "model file (GGUF)");
  app.add_option("-t,--threads", options.threads, "threads; 0: all CPUs granted")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_option("-c,--ctx,--ctx-size", options.context,
                 "most tokens of prompt and answer together; 0: the largest that fits")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--isa", options.isa,
                 "kernels to use, as the log names them (avx2, neondot, reference ...); default: the best")
      ->envname("PINGTI_ISA");
  app.add_option("--kv-type", options.kv_type,
                 "how the KV cache stores numbers: floats, or q16, q8 and q4, integers with "
                 "a scale per token and head")
      ->check(CLI::IsMember({"f32", "f16", "bf16", "q16", "q8", "q4"}))
      ->capture_default_str();
  app.add_option("--activations", flags->activations,
                 "int8: fast; f32: exact activations, slow, for comparison with other programs")
      ->check(CLI::IsMember({"int8", "f32"}))
      ->capture_default_str();
  const char* group = "Long context (changes answers)";
  app.add_option("--attention-window", options.attention_window,
                 "tokens a query sees, over a model trained to see all; 0: as trained")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group(group);
  app.add_option("--sinks", options.attention_sinks, "first tokens that stay visible beside the window")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group(group);
  app.add_option("--sparse-attention", options.sparse_attention,
                 "topk=PAGES or topp=SHARE[,min-length=2048,sinks=32,recent=128,dense-layers=2]: each query "
                 "reads the KV pages it is estimated to need")
      ->group(group);
}

void add_speculation_flags(CLI::App& app, EngineFlags* flags) {
  EngineOptions& options = flags->options;
  const auto add = [&app](const char* names, auto& value, const char* help) {
    return app.add_option(names, value, help)
        ->capture_default_str()
        ->group("Speculation (changes no answer)");
  };
  add("--speculate", options.speculate,
      "how tokens are guessed ahead: ngram (from the text so far), draft (by --draft-model), auto (both), "
      "off")
      ->check(CLI::IsMember({"auto", "ngram", "draft", "off"}));
  add("--draft-model,--model-draft", flags->draft_model, "a smaller model of the same vocabulary");
  add("--draft-max,--draft", options.draft_max, "most tokens guessed at a time")->check(CLI::Range(1, 64));
  add("--draft-min", options.draft_min, "shorter guesses are not used")->check(CLI::Range(0, 64));
}

void add_sampling_flags(CLI::App& app, SamplingFlags* flags) {
  SamplingParams& params = flags->params;
  params.temperature = 0.8f;
  params.top_k = 40;
  params.top_p = 0.95f;
  params.min_p = 0.05f;
  const auto add = [&app](const char* names, auto& value, const char* help) {
    app.add_option(names, value, help)->capture_default_str()->group("Sampling");
  };
  add("--temp,--temperature", params.temperature, "temperature; 0: always the most likely token");
  add("--top-k", params.top_k, "keep the k most likely tokens; 0: all");
  add("--top-p", params.top_p, "keep the smallest set of tokens with this probability");
  add("--min-p", params.min_p, "keep tokens at least this many times as likely as the most likely");
  add("--typical", params.typical_p, "locally typical sampling; 1: off");
  add("--repeat-penalty", params.repetition_penalty, "penalty on tokens seen; 1: off");
  add("--repeat-last-n", params.penalty_last_n, "tokens the penalties look at; -1: all");
  add("--presence-penalty", params.presence_penalty, "subtracted once for a token seen; 0: off");
  add("--frequency-penalty", params.frequency_penalty, "subtracted per occurrence; 0: off");
  add("--dry-multiplier", params.dry_multiplier, "DRY repetition penalty; 0: off");
  add("--dry-base", params.dry_base, "DRY base");
  add("--dry-allowed-length", params.dry_allowed_length, "repetitions up to this length are free");
  add("--dry-penalty-last-n", params.dry_penalty_last_n, "tokens DRY looks at; -1: all");
  app.add_option("--dry-sequence-breaker", flags->dry_breakers,
                 "text a repetition cannot cross (repeatable; none: no text); default: line break : \" *")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->check([](const std::string& text) { return std::string(text.empty() ? "it must not be empty" : ""); })
      ->group("Sampling");
  add("--xtc-probability", params.xtc_probability, "chance to exclude top choices; 0: off");
  add("--xtc-threshold", params.xtc_threshold, "probability above which a token is a top choice");
  app.add_option("-s,--seed", flags->seed, "seed; default: a new one each time")->group("Sampling");
}

SamplingParams SamplingFlags::params_for(const Engine& engine) const {
  SamplingParams result = params;
  if (params.dry_multiplier > 0 && dry_breakers != std::vector<std::string>{"none"})
    result.dry_sequence_breakers = pingti::dry_breakers(engine.tokenizer(), dry_breakers);
  if (seed) {
    result.seed = *seed;
  } else {
    std::random_device device;
    result.seed = device();  // 32 bits: short enough to type again
  }
  return result;
}

Result<std::string> find_model(const std::string& model) {
  PT_TRY(const std::filesystem::path path, resolve_model(model.empty() ? "default" : model));
  return path.string();
}

Result<EngineOptions> EngineFlags::resolved() const {
  EngineOptions result = options;
  PT_TRY(result.model_path, find_model(model));
  if (!draft_model.empty()) {
    PT_TRY(result.draft_model_path, find_model(draft_model));
  }
  result.activations_f32 = activations == "f32";
  return result;
}

std::string describe(const EngineInfo& info) {
  const std::string attention = info.attention == "full" ? "" : fmt::format(", attention {}", info.attention);
  return fmt::format("{} ({}, {:.1f} M parameters): context {}, KV cache for {} tokens, {} thread{}, {}{}",
                     info.model_name, info.architecture, static_cast<double>(info.parameters) / 1e6,
                     info.context, info.kv_tokens, info.threads, info.threads == 1 ? "" : "s", info.isa,
                     attention);
}

Result<std::unique_ptr<Engine>> open_engine(const EngineFlags& flags) {
  PT_TRY(EngineOptions options, flags.resolved());
  const bool terminal = stderr_is_terminal();
  if (terminal) {
    options.progress = [last = -1](double fraction) mutable {
      const int percent = static_cast<int>(fraction * 100);
      if (percent != last) fmt::print(stderr, "\rloading the model {:3} %", percent);
      last = percent;
    };
  }
  auto engine = make_engine(options);
  if (terminal) fmt::print(stderr, "\r\x1b[K");
  if (engine) fmt::print(stderr, "{}\n", describe((*engine)->info()));
  return engine;
}

}  // namespace pingti
