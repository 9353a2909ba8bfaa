// pingti eval: how well a model predicts a text, and what the fast path changes.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "cli/command.h"
#include "cli/loaded_model.h"
#include "cli/perplexity.h"
#include "cli/print.h"

namespace pingti {
namespace {

struct EvalFlags {
  EngineFlags engine;
  std::string text;
  int context = 512;
  int chunks = -1;
  bool json = false;
};

struct EvalCase {
  LoadedModel model;
  PerplexityText text;
};

Result<EvalCase> open_case(const EvalFlags& flags) {
  EvalCase result;
  PT_TRY(result.model, load_model(flags.engine));
  PT_TRY(const std::string text, read_file(flags.text));
  PT_TRY(const auto tokenizer, result.model.tokenizer());
  PT_TRY(result.text, PerplexityText::create(*tokenizer, text, flags.context, flags.chunks));
  fmt::print(stderr, "{} windows of {} tokens, {}, {} threads\n", result.text.windows(), flags.context,
             result.model.kernels->isa, result.model.threads->size());
  return result;
}

Result<void> perplexity(const EvalFlags& flags) {
  PT_TRY(EvalCase run, open_case(flags));
  Perplexity total;
  for (int window = 0; window < run.text.windows(); ++window) {
    PT_TRY_VOID(run.text.score(*run.model.model, window, [&](std::span<const float> logits, int32_t next) {
      total.add(-log_probability(logits, next));
    }));
    fmt::print(stderr, "[{}]{:.4f}{}", window + 1, total.value(),
               window + 1 == run.text.windows() ? "\n" : ",");
  }
  if (flags.json) {
    const nlohmann::json result{{"perplexity", total.value()},
                                {"error", total.error()},
                                {"tokens", total.count()},
                                {"context", flags.context},
                                {"windows", run.text.windows()}};
    fmt::print("{}\n", result.dump());
  } else {
    fmt::print("Final estimate: PPL = {:.4f} +/- {:.5f}\n", total.value(), total.error());
  }
  return {};
}

// Both paths on the same windows: what int8 activations and the KV type change.
Result<void> divergence(const EvalFlags& flags) {
  PT_TRY(EvalCase run, open_case(flags));
  EvalFlags exact_flags = flags;
  exact_flags.engine.activations = "f32";
  exact_flags.engine.options.kv_type = "f32";
  PT_TRY(LoadedModel exact, load_model(exact_flags.engine));
  Divergence total;
  for (int window = 0; window < run.text.windows(); ++window) {
    std::vector<std::vector<float>> expected;
    PT_TRY_VOID(run.text.score(*exact.model, window, [&](std::span<const float> logits, int32_t) {
      expected.emplace_back(logits.begin(), logits.end());
    }));
    size_t row = 0;
    PT_TRY_VOID(run.text.score(*run.model.model, window, [&](std::span<const float> logits, int32_t next) {
      total.add(expected[row++], logits, next);
    }));
    fmt::print(stderr, "window {}/{}: mean KL {:.3e}\n", window + 1, run.text.windows(), total.mean());
  }
  const nlohmann::json result{{"mean_kl", total.mean()},
                              {"kl_99", total.quantile(0.99)},
                              {"max_kl", total.quantile(1.0)},
                              {"same_top", total.same_top()},
                              {"perplexity_ratio", total.perplexity_ratio()},
                              {"tokens", total.count()}};
  if (flags.json) {
    fmt::print("{}\n", result.dump());
  } else {
    fmt::print("KL divergence from f32 activations and KV: mean {:.3e}, 99 % {:.3e}, most {:.3e}\n",
               total.mean(), total.quantile(0.99), total.quantile(1.0));
    fmt::print("same most likely token: {:.2f} %; perplexity ratio {:.4f}; {} tokens\n",
               100 * total.same_top(), total.perplexity_ratio(), total.count());
  }
  return {};
}

void add_measure(CLI::App& app, const char* name, const char* help, Result<void> (*measure)(const EvalFlags&),
                 int* exit_code) {
  auto flags = std::make_shared<EvalFlags>();
  CLI::App* sub = app.add_subcommand(name, help);
  add_engine_flags(*sub, &flags->engine);
  sub->remove_option(sub->get_option("--ctx"));
  sub->add_option("-f,--file", flags->text, "text file")->required();
  sub->add_option("-c,--ctx,--ctx-size", flags->context, "tokens per window")
      ->check(CLI::Range(8, 1 << 20))
      ->capture_default_str();
  sub->add_option("--chunks", flags->chunks, "windows to score; -1: all")->capture_default_str();
  sub->add_flag("--json", flags->json, "print the result as JSON");
  sub->callback([flags, measure, exit_code] {
    const auto done = measure(*flags);
    *exit_code = done ? kExitOk : print_error(done.error());
  });
}

void attach(CLI::App& app, int* exit_code) {
  app.require_subcommand(1);
  add_measure(app, "perplexity", "perplexity of a text: the second half of each window is scored", perplexity,
              exit_code);
  add_measure(app, "divergence",
              "what int8 activations and the KV type change: KL divergence from f32 for both", divergence,
              exit_code);
}

}  // namespace

extern const Command kEvalCommand;
const Command kEvalCommand{"eval", "measure a model on a text", attach};

}  // namespace pingti
