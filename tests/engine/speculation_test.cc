// Speculation changes no bit of an answer on the real decoder: every instruction set, architectures with and
// without windows, drafts that are often right, never right, long and short, alone and together.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "engine/speculation/model_drafter.h"
#include "engine/speculation/ngram_drafter.h"
#include "engine/testing/engine_fixture.h"
#include "engine/testing/requests.h"
#include "gguf/gguf.h"
#include "support/random_model.h"

namespace pingti::testing {
namespace {

struct ModelFile {
  explicit ModelFile(const RandomModel& model)
      : path(std::filesystem::temp_directory_path() / ("pingti_speculation_" + std::to_string(::getpid()) +
                                                       "_" + std::to_string(++count_) + ".gguf")) {
    EXPECT_TRUE(write_random_model(model, path));
  }
  ModelFile(const ModelFile&) = delete;
  ~ModelFile() { std::filesystem::remove(path); }

  std::unique_ptr<Model> load(const Kernels& kernels, ThreadPool& threads) const {
    const auto file = gguf::File::open(path);
    EXPECT_TRUE(file);
    auto model = Model::load(*file, {.kernels = &kernels, .threads = &threads});
    EXPECT_TRUE(model);
    return *std::move(model);
  }

  std::filesystem::path path;

 private:
  static inline int count_ = 0;
};

KvSpace space_for(const Model& model) {
  std::vector<KvGroupShape> shapes;
  for (const KvGroup& group : model.kv_groups()) shapes.push_back({group.window, group.page_bytes, 256});
  return *KvSpace::create(shapes, kPageTokens, true);
}

struct EngineMode {
  const ModelFile* target;
  const ModelFile* draft = nullptr;  // none: no draft model
  bool ngram = false;
  int threads = 2;
  int prefill_chunk = 64;
  SpeculationLimits limits = {.draft_max = 32, .adaptive = false};
};

std::unique_ptr<LocalEngine> make_engine(const Kernels& kernels, const EngineMode& run) {
  auto threads = std::make_unique<ThreadPool>(run.threads);
  auto model = run.target->load(kernels, *threads);
  std::vector<std::unique_ptr<Drafter>> drafters;
  if (run.ngram) drafters.push_back(std::make_unique<NgramDrafter>());
  if (run.draft != nullptr) {
    auto draft = run.draft->load(kernels, *threads);
    KvSpace space = space_for(*draft);
    drafters.push_back(*ModelDrafter::create({.model = std::move(draft),
                                              .space = std::move(space),
                                              .target_vocab = kFakeVocab,
                                              .max_sequences = 8}));
  }
  KvSpace space = space_for(*model);
  EngineInfo info{.model_name = "random", .context = 1024, .trained_context = 4096, .vocab = kFakeVocab};
  return *LocalEngine::create({.threads = std::move(threads),
                               .model = std::move(model),
                               .tokenizer = *Tokenizer::create(fake_vocab()),
                               .chat_template = std::make_unique<const ChatTemplate>(*ChatTemplate::create(
                                   std::string(ChatTemplate::fallback()), "", "<|end|>")),
                               .space = std::move(space),
                               .info = info,
                               .max_sequences = 8,
                               .prefill_chunk = run.prefill_chunk,
                               .drafters = std::move(drafters),
                               .speculation = run.limits});
}

// Prompts that repeat themselves, greedy and sampled, with all that draws depend on.
std::vector<GenerationRequest> requests() {
  std::mt19937 random(21);
  std::vector<GenerationRequest> all;
  for (int i = 0; i < 6; ++i) {
    auto prompt = random_tokens(random, 20 + 20 * static_cast<size_t>(i % 3));
    prompt.insert(prompt.end(), prompt.begin(), prompt.begin() + 12);
    auto request = make_request(std::move(prompt), 40, i % 2 == 0 ? 0.0f : 0.7f, 100 + random() % 10);
    request.ignore_eos = true;
    request.top_logprobs = i % 3;
    request.choices = i == 3 ? 2 : 1;
    if (i == 1) request.sampling.top_p = 0.5f;
    if (i == 4) request.sampling.repetition_penalty = 1.2f;
    if (i == 5) request.sampling.top_k = 2;
    all.push_back(std::move(request));
  }
  return all;
}

using Sinks = std::vector<std::shared_ptr<RecordingSink>>;

Sinks answers(LocalEngine& engine, bool together) {
  Sinks sinks;
  for (const auto& request : requests()) {
    sinks.push_back(std::make_shared<RecordingSink>(request.choices));
    EXPECT_TRUE(engine.submit(request, sinks.back()));
    if (!together) sinks.back()->wait();
  }
  for (const auto& sink : sinks) sink->wait();
  engine.drain();
  return sinks;
}

void expect_equal(const Sinks& got, const Sinks& want) {
  const auto all = requests();
  for (size_t i = 0; i < all.size(); ++i) {
    for (int choice = 0; choice < all[i].choices; ++choice) {
      SCOPED_TRACE(::testing::Message() << "request " << i << ", choice " << choice);
      expect_identical(got[i]->answer(choice), want[i]->answer(choice));
    }
  }
}

class SpeculationOnModels : public ::testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Architectures, SpeculationOnModels, ::testing::Values("llama", "qwen2", "gemma3"),
                         [](const auto& info) { return info.param; });

TEST_P(SpeculationOnModels, ChangesNoBit) {
  RandomModel shape{.architecture = GetParam(), .layers = 2, .hidden = 256, .ffn = 256, .vocab = kFakeVocab};
  shape.formats = {DType::kQ4_K, DType::kQ8_0};
  const ModelFile target(shape);
  shape.formats = {DType::kQ5_1};  // the same weights, rounded otherwise: right now and then
  const ModelFile close(shape);
  shape.seed = 99;
  const ModelFile other(shape);
  for (const Kernels* kernels : all_kernels()) {
    if (!is_runnable(*kernels)) continue;
    SCOPED_TRACE(kernels->isa);
    const auto plain = make_engine(*kernels, {.target = &target, .threads = 1, .prefill_chunk = 7});
    const Sinks want = answers(*plain, /*together=*/false);

    const EngineMode runs[] = {
        {.target = &target, .ngram = true},
        {.target = &target, .draft = &close, .limits = {.draft_max = 5, .adaptive = false}},
        {.target = &target, .draft = &other, .prefill_chunk = 7},
        {.target = &target, .draft = &close, .ngram = true, .limits = {}}};
    for (const EngineMode& run : runs) {
      SCOPED_TRACE(&run - runs);
      const auto engine = make_engine(*kernels, run);
      expect_equal(answers(*engine, /*together=*/&run != runs), want);
      const SpeculationStats stats = engine->stats().speculation;
      if (!run.limits.adaptive) {
        EXPECT_GT(stats.drafted_tokens, 0u);
      }
      if (run.draft == &close && !run.ngram) {
        EXPECT_GT(stats.accepted_tokens, 50u);
        EXPECT_LT(stats.accepted_tokens, stats.drafted_tokens);
      }
      engine->space().forget_all();
      for (const KvPool* pool : engine->space().pools()) EXPECT_EQ(pool->free_count(), pool->page_count());
    }
  }
}

}  // namespace
}  // namespace pingti::testing
