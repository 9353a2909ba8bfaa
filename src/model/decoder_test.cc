// The decoder against transformers (golden logits of tiny random models) and against itself: the same
// answer whatever the batch, the chunks and the threads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "model/runner.h"
#include "support/fixtures.h"
#include "support/loaded_model.h"
#include "support/random_model.h"
#include "support/runnable_kernels.h"
#include "support/sanitizers.h"

namespace pingti {
namespace {

std::vector<float> logits_of(Model& model, std::span<const int32_t> tokens, int chunk) {
  auto runner = Runner::create(model, 1, static_cast<int64_t>(tokens.size()));
  EXPECT_TRUE(runner.has_value());
  std::vector<float> all;
  while (!tokens.empty()) {
    const auto part = tokens.first(std::min(tokens.size(), static_cast<size_t>(chunk)));
    tokens = tokens.subspan(part.size());
    const Runner::Piece piece{.tokens = part, .all_logits = true};
    const auto logits = runner->step({&piece, 1});
    all.insert(all.end(), logits.begin(), logits.end());
  }
  return all;
}

std::vector<int32_t> random_tokens(int count, int vocab, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<int32_t> tokens;
  for (int i = 0; i < count; ++i)
    tokens.push_back(static_cast<int32_t>(random() % static_cast<uint32_t>(vocab)));
  return tokens;
}

class Golden : public testing::TestWithParam<const char*> {};

TEST_P(Golden, LogitsEqualTransformers) {
  const std::string base = std::string(PINGTI_SOURCE_DIR) + "/tests/model/golden/" + GetParam();
  const auto expected = read_json_fixture(base + ".json");
  const auto tokens = expected["tokens"].get<std::vector<int32_t>>();
  for (const Kernels* kernels : runnable_kernels()) {
    SCOPED_TRACE(kernels->isa);
    Loaded loaded =
        load(base + ".gguf", 2, {.kernels = kernels, .kv_type = KvType::kF32, .activations_f32 = true});
    ASSERT_NE(loaded.model, nullptr);
    const auto logits = logits_of(*loaded.model, tokens, 512);
    const auto vocab = static_cast<size_t>(loaded.model->config().vocab);
    double largest = 0;
    for (size_t i = 0; i < expected["logits"].size(); ++i) {
      const size_t row = i * expected["every"].get<size_t>();
      for (size_t v = 0; v < vocab; ++v) {
        const double want = expected["logits"][i][v].get<double>();
        largest = std::max(largest, std::abs(want - logits[row * vocab + v]));
      }
    }
    // Sums of 64 to 128 float products through up to 7 layers, logits up to about 30: float noise is 1e-5 of
    // that.
    EXPECT_LT(largest, 1e-3);
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, Golden, testing::Values("llama", "llama3", "qwen2", "gemma3"),
                         [](const auto& info) { return info.param; });

const std::vector<int> kThreadCounts = kSanitized ? std::vector{1, 3} : std::vector{1, 2, 3, 8};
constexpr int kEvery = kSanitized ? 16 : 4;  // of 33 sequences, those computed alone as well
const std::vector<int> kChunks = kSanitized ? std::vector{512, 7} : std::vector{512, 64, 7, 1};

struct InvarianceCase {
  const char* name;
  RandomModel model;
  KvType kv_type;
};

class Invariance : public testing::TestWithParam<InvarianceCase> {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() /
            ("pingti_invariance_" + std::to_string(::getpid()) + ".gguf");
    ASSERT_TRUE(write_random_model(GetParam().model, path_));
  }
  void TearDown() override { std::filesystem::remove(path_); }
  std::filesystem::path path_;
};

TEST_P(Invariance, ChunksAndThreadsChangeNoBit) {
  const auto tokens = random_tokens(270, GetParam().model.vocab, 5);
  for (const Kernels* kernels : runnable_kernels()) {
    SCOPED_TRACE(kernels->isa);
    std::vector<float> expected;
    for (int threads : kThreadCounts) {
      Loaded loaded = load(path_, threads, {.kernels = kernels, .kv_type = GetParam().kv_type});
      ASSERT_NE(loaded.model, nullptr);
      for (int chunk : kChunks) {
        if (chunk == 1 && threads != 2) continue;
        const auto logits = logits_of(*loaded.model, tokens, chunk);
        if (expected.empty()) expected = logits;
        ASSERT_EQ(expected.size(), logits.size());
        ASSERT_EQ(std::memcmp(expected.data(), logits.data(), logits.size() * sizeof(float)), 0)
            << "threads " << threads << ", chunk " << chunk;
      }
    }
    for (float logit : expected) ASSERT_TRUE(std::isfinite(logit));
  }
}

TEST_P(Invariance, TheBatchChangesNoBit) {
  constexpr int kSequences = 33;
  const int vocab = GetParam().model.vocab;
  for (const Kernels* kernels : runnable_kernels()) {
    SCOPED_TRACE(kernels->isa);
    Loaded loaded = load(path_, 2, {.kernels = kernels, .kv_type = GetParam().kv_type});
    ASSERT_NE(loaded.model, nullptr);
    auto runner = Runner::create(*loaded.model, kSequences, 320);
    ASSERT_TRUE(runner.has_value());
    // Sequences of different lengths, some prefilled, some decoded one token at a time, in one batch.
    std::vector<std::vector<int32_t>> tokens;
    for (int s = 0; s < kSequences; ++s)
      tokens.push_back(random_tokens(10 + 9 * s, vocab, static_cast<uint32_t>(s)));
    std::vector<Runner::Piece> pieces;
    for (int s = 0; s < kSequences; ++s) {
      const std::span<const int32_t> all(tokens[static_cast<size_t>(s)]);
      pieces.push_back({.sequence = s, .tokens = all.first(all.size() - 5)});
    }
    runner->step(pieces);
    std::map<int, std::vector<float>> last;
    for (size_t step = 5; step > 0; --step) {
      for (int s = 0; s < kSequences; ++s) {
        const std::span<const int32_t> all(tokens[static_cast<size_t>(s)]);
        pieces[static_cast<size_t>(s)].tokens = all.subspan(all.size() - step, 1);
      }
      const auto logits = runner->step(pieces);
      for (int s = 0; s < kSequences; ++s) {
        const auto row = logits.subspan(static_cast<size_t>(s * vocab), static_cast<size_t>(vocab));
        last[s].assign(row.begin(), row.end());
      }
    }
    for (int s = 0; s < kSequences; s += kEvery) {
      const auto alone = logits_of(*loaded.model, tokens[static_cast<size_t>(s)], 512);
      const std::vector<float> expected(alone.end() - vocab, alone.end());
      EXPECT_EQ(std::memcmp(expected.data(), last[s].data(), expected.size() * sizeof(float)), 0)
          << "sequence " << s;
    }
  }
}

TEST_P(Invariance, TuningChangesNoBit) {
  const auto tokens = random_tokens(140, GetParam().model.vocab, 5);
  const auto tuned = [](bool most) {
    Tuning tuning;
    for (const TuningField& field : fields_of(tuning)) *field.value = most ? field.most : field.least;
    return tuning;
  };
  for (const Kernels* kernels : runnable_kernels()) {
    SCOPED_TRACE(kernels->isa);
    const auto logits = [&](const Tuning& tuning) {
      const ModelOptions options{.kernels = kernels, .kv_type = GetParam().kv_type, .tuning = tuning};
      Loaded loaded = load(path_, 3, options);
      return logits_of(*loaded.model, tokens, 70);
    };
    const auto usual = logits({});
    for (const bool most : {false, true}) {
      const auto other = logits(tuned(most));
      ASSERT_EQ(usual.size(), other.size());
      ASSERT_EQ(std::memcmp(usual.data(), other.data(), usual.size() * sizeof(float)), 0) << "most " << most;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Models, Invariance,
    testing::Values(
        InvarianceCase{"KQuants",
                       {.formats = {DType::kQ4_K, DType::kQ6_K, DType::kQ5_K, DType::kQ3_K, DType::kQ2_K}},
                       KvType::kF16},
        InvarianceCase{"Blocks32",
                       {.architecture = "qwen2",
                        .hidden = 224,
                        .ffn = 352,
                        .heads = 7,
                        .kv_heads = 1,
                        .head_dim = 32,
                        .formats = {DType::kQ5_0, DType::kQ8_0, DType::kQ4_1, DType::kQ4_0, DType::kQ5_1}},
                       KvType::kBF16},
        InvarianceCase{"GemmaWindows",
                       {.architecture = "gemma3",
                        .layers = 6,
                        .hidden = 128,
                        .ffn = 256,
                        .heads = 4,
                        .kv_heads = 1,
                        .head_dim = 48,
                        .formats = {DType::kQ8_0, DType::kF16, DType::kBF16, DType::kQ4_0}},
                       KvType::kF32},
        InvarianceCase{"Q16", {}, KvType::kQ16},
        InvarianceCase{"Q8Windows",
                       {.architecture = "gemma3",
                        .layers = 6,
                        .hidden = 128,
                        .ffn = 256,
                        .heads = 4,
                        .kv_heads = 1,
                        .head_dim = 48,
                        .formats = {DType::kQ8_0}},
                       KvType::kQ8},
        InvarianceCase{"Q4", {.formats = {DType::kQ4_0}}, KvType::kQ4}),
    [](const auto& info) { return info.param.name; });

TEST(Decoder, RefusesFourBitsForKeysWithABias) {
  ThreadPool threads(1);
  auto file = gguf::File::open(std::string(PINGTI_SOURCE_DIR) + "/tests/model/golden/qwen2.gguf");
  ASSERT_TRUE(file.has_value());
  ModelOptions options{.kernels = all_kernels().back(), .threads = &threads, .kv_type = KvType::kQ4};
  const auto refused = Model::load(*file, options);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, "model.kv_type");
  options.kv_type = KvType::kQ8;
  EXPECT_TRUE(Model::load(*file, options).has_value());
}

TEST(Decoder, RefusesFilesThatDoNotFit) {
  const auto path =
      std::filesystem::temp_directory_path() / ("pingti_bad_model_" + std::to_string(::getpid()) + ".gguf");
  ThreadPool threads(1);
  const auto error_of = [&](const RandomModel& model) -> std::string {
    EXPECT_TRUE(write_random_model(model, path));
    auto file = gguf::File::open(path);
    EXPECT_TRUE(file.has_value());
    auto loaded = Model::load(*file, {.kernels = all_kernels().back(), .threads = &threads});
    return loaded ? "none" : loaded.error().code;
  };
  EXPECT_EQ(error_of({}), "none");
  EXPECT_EQ(error_of({.architecture = "unheard"}), "model.unknown_architecture");
  EXPECT_EQ(error_of({.heads = 3, .kv_heads = 2, .formats = {DType::kF32}}), "model.bad_value");
  EXPECT_EQ(error_of({.architecture = "gemma3"}), "none");
  for (const int window : {0, -5, (1 << 24) + 1})
    EXPECT_EQ(error_of({.architecture = "gemma3", .window = window}), "model.bad_value");
  EXPECT_EQ(error_of({.head_dim = 20, .formats = {DType::kF32}}), "model.unsupported");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace pingti
