// Time of one draw from a vocabulary of 151,936 and of 262,144 tokens, by kind of truncation.
#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "sample/sampler.h"

namespace pingti {
namespace {

// Shaped like a model's: a wide bulk and a few that stand out.
std::vector<float> logits_like_a_model(int vocab) {
  std::mt19937 random(3);
  std::normal_distribution<float> bulk(0, 2.5f);
  std::exponential_distribution<float> head(0.4f);
  std::vector<float> out(vocab);
  for (float& x : out) x = bulk(random);
  for (int i = 0; i < 200; ++i) out[random() % out.size()] = 10 + head(random);
  return out;
}

void draw(benchmark::State& state, const SamplingParams& params, int vocab, int history_length) {
  const auto original = logits_like_a_model(vocab);
  std::mt19937 random(9);
  std::vector<int32_t> history(history_length);
  for (int32_t& token : history) token = static_cast<int32_t>(random() % 20000);
  auto logits = original;
  Sampler sampler(**select_kernels(), params, vocab, 1, 0);
  int64_t position = 0;
  for ([[maybe_unused]] auto _ : state) {
    if (history_length > 0) logits = original;  // penalties change them
    benchmark::DoNotOptimize(sampler.sample(logits, position++, history));
  }
}

void logprobs(benchmark::State& state, int vocab) {
  const Kernels& kernels = **select_kernels();
  const auto logits = logits_like_a_model(vocab);
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(Sampler::logprobs(kernels, logits, 5, 20));
}

void copy(benchmark::State& state, int vocab) {
  const auto original = logits_like_a_model(vocab);
  auto logits = original;
  for ([[maybe_unused]] auto _ : state) {
    logits = original;
    benchmark::ClobberMemory();
  }
}

const bool kRegistered = [] {
  struct Case {
    const char* name;
    SamplingParams params;
    int history = 0;
  };
  SamplingParams greedy, all, warm, top_k, top_p, min_p, usual, typical, xtc, penalties, dry;
  greedy.temperature = 0;
  warm.temperature = 0.7f;
  top_k.top_k = 40;
  top_p.top_p = 0.95f;
  min_p.min_p = 0.05f;
  usual.top_k = 40, usual.top_p = 0.95f, usual.min_p = 0.05f, usual.temperature = 0.8f;
  typical.typical_p = 0.95f;
  xtc.xtc_probability = 1;
  penalties.temperature = 0, penalties.repetition_penalty = 1.1f, penalties.frequency_penalty = 0.5f;
  dry.temperature = 0, dry.dry_multiplier = 0.8f;
  for (const int vocab : {151936, 262144}) {
    for (const Case& c :
         {Case{"greedy", greedy}, Case{"temperature_1", all}, Case{"temperature_0.7", warm},
          Case{"top_k", top_k}, Case{"top_p", top_p}, Case{"min_p", min_p}, Case{"top_k_top_p_min_p", usual},
          Case{"typical", typical}, Case{"xtc", xtc}, Case{"penalties_of_8192_with_copy", penalties, 8192},
          Case{"dry_of_8192_with_copy", dry, 8192}}) {
      const std::string name = std::string(c.name) + "/" + std::to_string(vocab);
      benchmark::RegisterBenchmark(name.c_str(), draw, c.params, vocab, c.history)
          ->Unit(benchmark::kMicrosecond);
    }
    benchmark::RegisterBenchmark(("copy/" + std::to_string(vocab)).c_str(), copy, vocab)
        ->Unit(benchmark::kMicrosecond);
    benchmark::RegisterBenchmark(("logprobs/" + std::to_string(vocab)).c_str(), logprobs, vocab)
        ->Unit(benchmark::kMicrosecond);
  }
  return true;
}();

}  // namespace
}  // namespace pingti
