// Greedy text of real models against transformers in float32 (tools/greedy_golden.py): 20 prompts of
// HumanEval, 64 tokens each. A model is tested where its file is found: in $PINGTI_MODELS, or in models/.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/machine.h"
#include "model/runner.h"
#include "support/fixtures.h"
#include "support/sanitizers.h"

namespace pingti {
namespace {

// A different token is right where transformers itself holds both to be equally likely.
constexpr double kTie = 0.02;
// Under a sanitizer a few tokens of the first (smallest) model go through every line as well.
constexpr size_t kPrompts = kSanitized ? 2 : 20;
constexpr size_t kTokens = kSanitized ? 8 : 64;

std::filesystem::path find_model_file(const std::string& name) {
  std::vector<std::filesystem::path> folders{std::filesystem::path(PINGTI_SOURCE_DIR) / "models"};
  if (const char* folder = std::getenv("PINGTI_MODELS")) folders.insert(folders.begin(), folder);
  for (const auto& folder : folders) {
    if (std::filesystem::exists(folder / name)) return folder / name;
  }
  return {};
}

int32_t most_likely(std::span<const float> logits) {
  return static_cast<int32_t>(std::ranges::max_element(logits) - logits.begin());
}

// Where `token` stands below the first of a step's [token, logit] pairs.
double margin_below_best(const nlohmann::json& step, int32_t token) {
  for (const auto& candidate : step) {
    if (candidate[0].get<int32_t>() == token) return step[0][1].get<double>() - candidate[1].get<double>();
  }
  return 1e9;
}

class Greedy : public testing::TestWithParam<const char*> {};

TEST_P(Greedy, EqualsTransformers) {
  const std::string name = GetParam();
  const auto path = find_model_file(name + ".gguf");
  if (path.empty()) GTEST_SKIP() << name << ".gguf is not on this machine";
  const auto golden = read_json_fixture(PINGTI_SOURCE_DIR "/tests/model/greedy/" + name + ".json");

  ThreadPool threads(available_cpus());
  auto file = gguf::File::open(path);
  ASSERT_TRUE(file.has_value());
  auto kernels = select_kernels();
  ASSERT_TRUE(kernels.has_value());
  auto model = Model::load(
      *file, {.kernels = *kernels, .threads = &threads, .kv_type = KvType::kF32, .activations_f32 = true});
  ASSERT_TRUE(model.has_value());
  const auto& cases = golden["cases"];
  ASSERT_GE(cases.size(), kPrompts);
  auto runner = Runner::create(**model, static_cast<int>(kPrompts), 1024);
  ASSERT_TRUE(runner.has_value());

  // All prompts decode together: their bits are those of one alone (decoder_test.cc).
  std::vector<std::vector<int32_t>> prompts;
  std::vector<Runner::Piece> pieces;
  for (size_t i = 0; i < kPrompts; ++i) prompts.push_back(cases[i]["prompt"].get<std::vector<int32_t>>());
  for (size_t i = 0; i < prompts.size(); ++i)
    pieces.push_back({.sequence = static_cast<int>(i), .tokens = prompts[i]});
  const auto vocab = static_cast<size_t>((*model)->config().vocab);
  size_t tokens_equal = 0;
  size_t ties = 0;
  std::vector<int32_t> next(pieces.size());
  for (size_t step = 0; step < kTokens && !pieces.empty(); ++step) {
    const auto logits = runner->step(pieces);
    std::vector<Runner::Piece> going_on;
    for (size_t i = 0; i < pieces.size(); ++i) {
      const auto sequence = static_cast<size_t>(pieces[i].sequence);
      const auto& expected = cases[sequence]["steps"][step];
      next[sequence] = most_likely(logits.subspan(i * vocab, vocab));
      if (next[sequence] == expected[0][0].get<int32_t>()) {
        ++tokens_equal;
        going_on.push_back({.sequence = pieces[i].sequence, .tokens = {&next[sequence], 1}});
        continue;
      }
      ++ties;
      EXPECT_LE(margin_below_best(expected, next[sequence]), kTie)
          << "prompt " << sequence << ", token " << step;
    }
    pieces = std::move(going_on);
  }
  RecordProperty("tokens_equal", static_cast<int>(tokens_equal));
  RecordProperty("ties", static_cast<int>(ties));
  EXPECT_GT(tokens_equal, kPrompts * kTokens / 2);
}

constexpr const char* kModels[] = {"SmolLM2-135M-Instruct.Q4_1", "gemma-3-270m-Q4_K_M",
                                   "qwen2.5-coder-0.5b-instruct-q4_k_m",
                                   "qwen2.5-coder-1.5b-instruct-q4_k_m"};

INSTANTIATE_TEST_SUITE_P(Models, Greedy,
                         testing::ValuesIn(kModels, kModels + (kSanitized ? 1 : std::size(kModels))),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase_if(name,
                                         [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); });
                           return name;
                         });

}  // namespace
}  // namespace pingti
