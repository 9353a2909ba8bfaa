// pingti bench: prefill and decode speed of a model, counted as llama-bench counts (no HTTP, no sampling).
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "base/machine.h"
#include "cli/bench_run.h"
#include "cli/command.h"
#include "cli/loaded_model.h"
#include "cli/print.h"

namespace pingti {
namespace {

struct BenchFlags {
  EngineFlags engine;
  std::vector<int> prompt = {512};
  std::vector<int> generate = {64};
  std::vector<int> depth = {0};
  std::vector<int> batch = {1};
  int repetitions = 5;
  bool json = false;
};

nlohmann::json to_json(const MachineLimits& limits) {
  return {{"int8_ops", limits.int8.operations},
          {"read_bytes", limits.read_bytes},
          {"clock_hz", limits.int8.clock_hz},
          {"int8_ops_per_cycle", limits.int8.per_cycle},
          {"int8_instructions_per_cycle", limits.int8.instructions},
          {"doubt", doubt_about(limits.int8)}};
}

nlohmann::json to_json(Tuning tuning) {
  nlohmann::json json;
  for (const TuningField& field : fields_of(tuning)) json[field.name] = *field.value;
  return json;
}

nlohmann::json to_json(const BenchResult& result, const LoadedModel& loaded, const MachineLimits& limits) {
  const BenchCase& c = result.bench;
  return {{"model_filename", loaded.path},
          {"model_type", loaded.model->config().name},
          {"model_size", loaded.model->weight_bytes()},
          {"n_threads", loaded.threads->size()},
          {"n_prompt", c.prompt},
          {"n_gen", c.generate},
          {"n_depth", c.depth},
          {"n_seq", c.sequences},
          {"avg_ts", result.mean()},
          {"stddev_ts", result.deviation()},
          {"median_ts", result.median()},
          {"samples_ts", result.tokens_per_second},
          {"share_of_limit", result.share_of_limit},
          {"limit", result.limit},
          {"isa", loaded.kernels->isa},
          {"kernels", kernels_by_format(loaded, c.columns())},
          {"limits", to_json(limits)},
          {"tuning", to_json(loaded.tuning)},
          {"attention", describe(loaded.attention)},
          {"attention_pairs_skipped", result.attention.skipped()},
          {"attention_work_saved", result.attention.saved()}};
}

void print_row(const BenchResult& result) {
  fmt::print("{:<24} {:>12.2f} {:>12.2f} ± {:<8.2f} {:>6.1f} % of {}\n", result.bench.label(),
             result.median(), result.mean(), result.deviation(), 100 * result.share_of_limit, result.limit);
  if (result.attention.pairs > 0) {
    fmt::print("{:<24} {:.1f} % of attention's pairs skipped, {:.1f} % of its work saved\n", "",
               100 * result.attention.skipped(), 100 * result.attention.saved());
  }
}

void print_limits(const MachineLimits& limits) {
  const PeakProbe& peak = limits.int8;
  fmt::print("measured limits: {:.2f} int8 TOP/s", peak.operations / 1e12);
  if (peak.clock_hz > 0) {
    fmt::print(" ({:.0f} operations per cycle and thread at {:.2f} GHz)", peak.per_cycle,
               peak.clock_hz / 1e9);
  }
  fmt::print(", {:.1f} GB/s read from memory\n", limits.read_bytes / 1e9);
  if (const std::string doubt = doubt_about(peak); !doubt.empty()) fmt::print("doubtful: {}\n", doubt);
}

std::vector<BenchCase> list_cases(const BenchFlags& flags) {
  std::vector<BenchCase> cases;
  for (int depth : flags.depth) {
    for (int prompt : flags.prompt) {
      if (prompt > 0) cases.push_back({.prompt = prompt, .depth = depth});
    }
    for (int generate : flags.generate) {
      for (int sequences : flags.batch) {
        if (generate > 0) cases.push_back({.generate = generate, .depth = depth, .sequences = sequences});
      }
    }
  }
  return cases;
}

void print_kernels(const BenchFlags& flags, const LoadedModel& loaded) {
  std::map<int, std::string> labels;  // by column count
  for (const BenchCase& one : list_cases(flags)) {
    std::string& label = labels[one.columns()];
    if (label.find(one.label()) == std::string::npos) label += (label.empty() ? "" : ", ") + one.label();
  }
  for (const auto& [columns, label] : labels) {
    for (const auto& [format, kernel] : kernels_by_format(loaded, columns)) {
      fmt::print("{:<24} {:<5} {}\n", label, format, kernel);
    }
  }
  fmt::print("\n");
}

Result<void> bench(const BenchFlags& flags) {
  PT_TRY(LoadedModel loaded, load_model(flags.engine));
  const MachineLimits limits = measure_limits(*loaded.kernels, *loaded.threads);
  if (!flags.json) {
    fmt::print("{}: {:.1f} MiB of weights, {} threads, {}, loaded in {:.2f} s\n",
               std::filesystem::path(loaded.path).filename().string(),
               static_cast<double>(loaded.model->weight_bytes()) / (1 << 20), loaded.threads->size(),
               loaded.kernels->isa, loaded.load_seconds);
    print_limits(limits);
    print_kernels(flags, loaded);
    fmt::print("{:<24} {:>12} {:>23}   {}\n", "test", "median t/s", "mean t/s", "share of limit");
  }
  nlohmann::json all = nlohmann::json::array();
  for (const BenchCase& one : list_cases(flags)) {
    PT_TRY(const BenchResult result, run_bench(*loaded.model, one, flags.repetitions, limits));
    if (flags.json) {
      all.push_back(to_json(result, loaded, limits));
    } else {
      print_row(result);
      std::fflush(stdout);
    }
  }
  if (flags.json) fmt::print("{}\n", all.dump(2));
  return {};
}

void attach(CLI::App& app, int* exit_code) {
  auto flags = std::make_shared<BenchFlags>();
  add_engine_flags(app, &flags->engine);
  app.remove_option(app.get_option("--ctx"));
  const auto list = [&app](const char* names, std::vector<int>& values, const char* help) {
    app.add_option(names, values, help)->delimiter(',')->check(CLI::Range(0, 1 << 20))->capture_default_str();
  };
  list("-p,--n-prompt", flags->prompt, "prompt lengths, tokens; 0: none");
  list("-n,--n-gen", flags->generate, "tokens to generate; 0: none");
  list("-d,--n-depth", flags->depth, "tokens already in the context");
  list("-b,--batch", flags->batch, "sequences decoded together (speeds are totals)");
  app.add_option("-r,--repetitions", flags->repetitions, "runs of each test")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_flag("--json", flags->json, "print the results as JSON");
  app.callback([flags, exit_code] {
    const auto done = bench(*flags);
    *exit_code = done ? kExitOk : print_error(done.error());
  });
}

}  // namespace

extern const Command kBenchCommand;
const Command kBenchCommand{"bench", "measure prefill and decode speed", attach};

}  // namespace pingti
