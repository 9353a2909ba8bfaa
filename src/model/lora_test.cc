// LoRA adapters: logits against PEFT's, alone and mixed in one batch, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "model/lora_config.h"
#include "model/lora_file.h"
#include "model/runner.h"
#include "support/fixtures.h"
#include "support/loaded_model.h"
#include "support/runnable_kernels.h"

namespace pingti {
namespace {

const std::string kGolden = std::string(PINGTI_SOURCE_DIR) + "/tests/model/golden/";

std::unique_ptr<Adapter> load_adapter(Model& model, const std::string& name) {
  auto file = LoraFile::open(kGolden + "lora/" + name);
  EXPECT_TRUE(file.has_value()) << file.error().to_string();
  if (!file) return nullptr;
  auto adapter = model.load_adapter(*file);
  EXPECT_TRUE(adapter.has_value()) << adapter.error().to_string();
  return adapter ? *std::move(adapter) : nullptr;
}

std::vector<float> logits_alone(Model& model, std::span<const int32_t> tokens, const Adapter* adapter) {
  auto runner = Runner::create(model, 1, static_cast<int64_t>(tokens.size()));
  EXPECT_TRUE(runner.has_value());
  const Runner::Piece piece{.tokens = tokens, .all_logits = true, .adapter = adapter};
  const auto logits = runner->step({&piece, 1});
  return {logits.begin(), logits.end()};
}

double largest_difference(const nlohmann::json& expected, std::span<const float> logits, size_t vocab) {
  double largest = 0;
  for (size_t i = 0; i < expected["logits"].size(); ++i) {
    const size_t row = i * expected["every"].get<size_t>();
    for (size_t v = 0; v < vocab; ++v) {
      largest = std::max(largest, std::abs(expected["logits"][i][v].get<double>() - logits[row * vocab + v]));
    }
  }
  return largest;
}

struct GoldenAdapter {
  const char* model;
  const char* adapter;
};

class LoraGolden : public testing::TestWithParam<GoldenAdapter> {};

TEST_P(LoraGolden, LogitsEqualPefts) {
  const std::string name = std::string(GetParam().model) + "-" + GetParam().adapter;
  const auto expected = read_json_fixture(kGolden + "lora/" + name + ".json");
  const auto tokens = expected["tokens"].get<std::vector<int32_t>>();
  for (const Kernels* kernels : runnable_kernels()) {
    SCOPED_TRACE(kernels->isa);
    Loaded loaded = load(kGolden + GetParam().model + ".gguf", 2,
                         {.kernels = kernels, .kv_type = KvType::kF32, .activations_f32 = true});
    ASSERT_NE(loaded.model, nullptr);
    const auto adapter = load_adapter(*loaded.model, name);
    ASSERT_NE(adapter, nullptr);
    const auto vocab = static_cast<size_t>(loaded.model->config().vocab);
    EXPECT_LT(largest_difference(expected, logits_alone(*loaded.model, tokens, adapter.get()), vocab), 1e-3);
    EXPECT_GT(largest_difference(expected, logits_alone(*loaded.model, tokens, nullptr), vocab), 0.1);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, LoraGolden,
                         testing::Values(GoldenAdapter{"llama", "wide"}, GoldenAdapter{"llama", "stable"},
                                         GoldenAdapter{"qwen2", "wide"}, GoldenAdapter{"qwen2", "stable"},
                                         GoldenAdapter{"gemma3", "wide"}, GoldenAdapter{"gemma3", "stable"}),
                         [](const auto& info) {
                           return std::string(info.param.model) + "_" + info.param.adapter;
                         });

TEST(Lora, GgufGivesTheSameBitsAsPeft) {
  Loaded loaded = load(kGolden + "llama.gguf", 2, {.kernels = runnable_kernels().front()});
  const auto peft = load_adapter(*loaded.model, "llama-wide");
  const auto gguf = load_adapter(*loaded.model, "llama-wide.gguf");
  const std::vector<int32_t> tokens{5, 1, 9, 60, 33, 2, 71};
  EXPECT_EQ(logits_alone(*loaded.model, tokens, peft.get()), logits_alone(*loaded.model, tokens, gguf.get()));
}

std::vector<int32_t> random_tokens(int count, int vocab, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<int32_t> tokens;
  for (int i = 0; i < count; ++i)
    tokens.push_back(static_cast<int32_t>(random() % static_cast<uint32_t>(vocab)));
  return tokens;
}

// Sequences with different adapters and without one, in one batch and in chunks: the same bits as alone.
void check_mixed(const Kernels* kernels, int threads) {
  Loaded loaded = load(kGolden + "llama.gguf", threads, {.kernels = kernels});
  Model& model = *loaded.model;
  const auto wide = load_adapter(model, "llama-wide");
  const auto stable = load_adapter(model, "llama-stable");
  const std::vector<const Adapter*> adapters{nullptr,      wide.get(), wide.get(),
                                             stable.get(), nullptr,    wide.get()};
  std::vector<std::vector<int32_t>> prompts;
  std::vector<std::vector<float>> alone;
  const auto vocab = static_cast<size_t>(model.config().vocab);
  for (size_t i = 0; i < adapters.size(); ++i) {
    prompts.push_back(
        random_tokens(40 + 9 * static_cast<int>(i), model.config().vocab, static_cast<uint32_t>(i)));
    const auto all = logits_alone(model, prompts[i], adapters[i]);
    alone.emplace_back(all.end() - static_cast<std::ptrdiff_t>(vocab), all.end());
  }
  for (const size_t chunk : {size_t{1}, size_t{7}, size_t{64}}) {
    auto runner = Runner::create(model, static_cast<int>(adapters.size()), 128);
    ASSERT_TRUE(runner.has_value());
    std::vector<std::vector<float>> last(adapters.size());
    for (size_t begin = 0; begin < 128; begin += chunk) {
      std::vector<Runner::Piece> pieces;
      for (size_t i = 0; i < adapters.size(); ++i) {
        if (begin >= prompts[i].size()) continue;
        const auto tokens = std::span(prompts[i]).subspan(begin, std::min(chunk, prompts[i].size() - begin));
        pieces.push_back({.sequence = static_cast<int>(i), .tokens = tokens, .adapter = adapters[i]});
      }
      if (pieces.empty()) break;
      const auto logits = runner->step(pieces);
      for (size_t p = 0; p < pieces.size(); ++p) {
        const auto row = logits.subspan(p * vocab, vocab);
        last[static_cast<size_t>(pieces[p].sequence)].assign(row.begin(), row.end());
      }
    }
    for (size_t i = 0; i < adapters.size(); ++i)
      EXPECT_EQ(last[i], alone[i]) << "sequence " << i << ", chunk " << chunk;
  }
}

TEST(Lora, AMixedBatchChangesNoBit) {
  for (const Kernels* kernels : runnable_kernels()) {
    for (const int threads : {1, 2, 3}) {
      SCOPED_TRACE(testing::Message() << kernels->isa << ", " << threads << " threads");
      check_mixed(kernels, threads);
    }
  }
}

TEST(Lora, RefusesAnAdapterOfAnotherModel) {
  Loaded loaded = load(kGolden + "qwen2.gguf", 1, {.kernels = runnable_kernels().front()});
  for (const auto& [name, code] :
       {std::pair{"llama-wide", "lora.shape"}, std::pair{"gemma3-wide", "lora.shape"}}) {
    auto file = LoraFile::open(kGolden + "lora/" + name);
    ASSERT_TRUE(file.has_value());
    const auto adapter = loaded.model->load_adapter(*file);
    ASSERT_FALSE(adapter.has_value());
    EXPECT_EQ(adapter.error().code, code);
  }
  EXPECT_EQ(LoraFile::open(kGolden + "qwen2.gguf").error().code, "lora.not_an_adapter");
  EXPECT_EQ(LoraFile::open(kGolden + "none").error().kind, ErrorKind::kNotFound);
}

constexpr const char* kPlain = R"("peft_type": "LORA", "lora_alpha": 16, "r": 8)";

Result<LoraConfig> parse(const std::string& further) {
  return parse_lora_config("{" + std::string(kPlain) + further + "}", "adapter_config.json");
}

TEST(LoraConfig, ScalesByRank) {
  EXPECT_FLOAT_EQ(*parse("")->scale("model.layers.0.mlp.up_proj", 8), 2.0f);
  EXPECT_FLOAT_EQ(*parse(R"(, "use_rslora": true)")->scale("x", 16), 4.0f);
  const auto patterns = parse(R"(, "alpha_pattern": {"layers.1.mlp.up_proj": 32, "q_proj": 4})");
  ASSERT_TRUE(patterns.has_value());
  EXPECT_FLOAT_EQ(*patterns->scale("base_model.model.model.layers.1.mlp.up_proj", 8), 4.0f);
  EXPECT_FLOAT_EQ(*patterns->scale("base_model.model.model.layers.11.mlp.up_proj", 8), 2.0f);
  EXPECT_FLOAT_EQ(*patterns->scale("base_model.model.model.layers.3.self_attn.q_proj", 8), 0.5f);
  EXPECT_FLOAT_EQ(*patterns->scale("base_model.model.model.layers.3.self_attn.xq_proj", 8), 2.0f);
}

TEST(LoraConfig, RefusesWhatWouldChangeAnswers) {
  for (const char* further : {R"(, "use_dora": true)", R"(, "bias": "all")", R"(, "lora_bias": true)",
                              R"(, "modules_to_save": ["lm_head"])", R"(, "fan_in_fan_out": true)",
                              R"(, "layer_replication": [[0, 4]])", R"(, "alpha_pattern": {"q.*": 3})",
                              R"(, "alpha_pattern": 3)", R"(, "use_rslora": 1)", R"(, "lora_alpha": 1e300)",
                              R"(, "lora_alpha": null)", R"(, "peft_type": "IA3")"}) {
    const auto config = parse(further);
    ASSERT_FALSE(config.has_value()) << further;
    EXPECT_EQ(config.error().code, "lora.config") << further;
  }
  EXPECT_FALSE(parse_lora_config("[]", "x").has_value());
  EXPECT_FALSE(parse_lora_config("{\"peft_type\": \"LORA\xff", "x").has_value());
  EXPECT_TRUE(parse(R"(, "bias": "none", "use_dora": false, "modules_to_save": null, "loftq_config": {})")
                  .has_value());
}

}  // namespace
}  // namespace pingti
