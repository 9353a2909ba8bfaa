// pingti eval: how well a model predicts a text, and what the fast path changes.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "cli/command.h"
#include "cli/loaded_model.h"
#include "cli/long_context.h"
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

void add_work(const AttentionWork& work, nlohmann::json* result) {
  if (work.pairs == 0) return;
  (*result)["attention_pairs"] = work.pairs;
  (*result)["attention_pairs_skipped"] = work.skipped();
  (*result)["attention_work_saved"] = work.saved();
}

void print_work(const AttentionWork& work) {
  if (work.pairs == 0) return;
  fmt::print(
      "attention: {:.1f} % of the pairs of a query and a KV page skipped, {:.1f} % of the work saved\n",
      100 * work.skipped(), 100 * work.saved());
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
  const AttentionWork work = run.model.model->attention_work();
  if (flags.json) {
    nlohmann::json result{{"perplexity", total.value()},
                          {"error", total.error()},
                          {"tokens", total.count()},
                          {"context", flags.context},
                          {"windows", run.text.windows()}};
    add_work(work, &result);
    fmt::print("{}\n", result.dump());
  } else {
    print_work(work);
    fmt::print("Final estimate: PPL = {:.4f} +/- {:.5f}\n", total.value(), total.error());
  }
  return {};
}

// Both paths on the same windows: what int8 activations, the KV type and attention to less than everything
// change.
Result<void> divergence(const EvalFlags& flags) {
  PT_TRY(EvalCase run, open_case(flags));
  EvalFlags exact_flags = flags;
  exact_flags.engine.activations = "f32";
  exact_flags.engine.options.kv_type = "f32";
  exact_flags.engine.options.attention_window = exact_flags.engine.options.attention_sinks = 0;
  exact_flags.engine.options.sparse_attention.clear();
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
  const AttentionWork work = run.model.model->attention_work();
  nlohmann::json result{{"mean_kl", total.mean()},
                        {"kl_99", total.quantile(0.99)},
                        {"max_kl", total.quantile(1.0)},
                        {"same_top", total.same_top()},
                        {"perplexity_ratio", total.perplexity_ratio()},
                        {"tokens", total.count()}};
  add_work(work, &result);
  if (flags.json) {
    fmt::print("{}\n", result.dump());
  } else {
    print_work(work);
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

struct LongContextFlags {
  EngineFlags engine;
  std::vector<int> lengths = {2048, 4096, 8192};
  int depths = 5;  // passkey only
  int trials = 5;
  uint32_t seed = 1;
  std::string haystack;  // a file; passkey only
  bool passkey = false;
  bool json = false;
};

std::vector<LongContextTask> make_tasks(const LongContextFlags& flags, const Tokenizer& tokenizer,
                                        std::string_view haystack, int length) {
  std::vector<LongContextTask> tasks;
  for (int trial = 0; trial < flags.trials; ++trial) {
    const uint32_t seed = flags.seed + static_cast<uint32_t>(trial);
    if (!flags.passkey) {
      tasks.push_back(make_frequent_words_task(tokenizer, length, seed));
      continue;
    }
    for (int i = 0; i < flags.depths; ++i) {
      const double depth = flags.depths == 1 ? 0.5 : static_cast<double>(i) / (flags.depths - 1);
      tasks.push_back(make_passkey_task(tokenizer, length, depth, seed, haystack));
    }
  }
  return tasks;
}

// Greedy answers at each length; a task's score is the share of its answers found.
Result<void> long_context(const LongContextFlags& flags) {
  PT_TRY(LoadedModel loaded, load_model(flags.engine));
  PT_TRY(const auto tokenizer, loaded.tokenizer());
  std::string haystack;
  if (!flags.haystack.empty()) {
    PT_TRY(haystack, read_file(flags.haystack));
  }
  nlohmann::json results = nlohmann::json::array();
  for (const int length : flags.lengths) {
    const AttentionWork before = loaded.model->attention_work();
    double total = 0;
    const auto tasks = make_tasks(flags, *tokenizer, haystack, length);
    for (const LongContextTask& task : tasks) {
      PT_TRY(const std::string answer, most_likely_answer(*loaded.model, *tokenizer, task));
      total += score(task, answer);
      fmt::print(stderr, "{} tokens: wanted {}, answered \"{}\"\n", length, fmt::join(task.answers, " "),
                 answer);
    }
    const AttentionWork work = loaded.model->attention_work() - before;
    const double mean = total / static_cast<double>(tasks.size());
    if (flags.json) {
      nlohmann::json result{{"length", length}, {"score", mean}, {"tasks", tasks.size()}};
      add_work(work, &result);
      results.push_back(result);
    } else {
      fmt::print("{:>7} tokens: {:5.1f} % found, {} tasks\n", length, 100 * mean, tasks.size());
      print_work(work);
    }
  }
  if (flags.json) fmt::print("{}\n", results.dump());
  return {};
}

void add_long_context(CLI::App& app, const char* name, const char* help, bool passkey, int* exit_code) {
  auto flags = std::make_shared<LongContextFlags>();
  flags->passkey = passkey;
  CLI::App* sub = app.add_subcommand(name, help);
  add_engine_flags(*sub, &flags->engine);
  sub->remove_option(sub->get_option("--ctx"));
  sub->add_option("-c,--ctx,--ctx-size", flags->lengths, "context lengths, tokens")
      ->delimiter(',')
      ->check(CLI::Range(256, 1 << 20))
      ->capture_default_str();
  sub->add_option("--trials", flags->trials, "different keys or lists at each length")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  sub->add_option("-s,--seed", flags->seed, "seed of keys and lists")->capture_default_str();
  if (passkey) {
    sub->add_option("--depths", flags->depths, "places of the key, evenly from the beginning to the end")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    sub->add_option("-f,--file", flags->haystack, "text around the key; default: five sentences repeated");
  }
  sub->add_flag("--json", flags->json, "print the result as JSON");
  sub->callback([flags, exit_code] {
    const auto done = long_context(*flags);
    *exit_code = done ? kExitOk : print_error(done.error());
  });
}

void attach(CLI::App& app, int* exit_code) {
  app.require_subcommand(1);
  add_measure(app, "perplexity", "perplexity of a text: the second half of each window is scored", perplexity,
              exit_code);
  add_measure(
      app, "divergence",
      "what int8 activations, the KV type and attention to less change: KL divergence from f32 and full "
      "attention",
      divergence, exit_code);
  add_long_context(app, "passkey", "retrieval: a number hidden at several depths of a long text", true,
                   exit_code);
  add_long_context(app, "aggregation", "the most frequent words of a long list", false, exit_code);
}

}  // namespace

extern const Command kEvalCommand;
const Command kEvalCommand{"eval", "measure a model on a text", attach};

}  // namespace pingti
