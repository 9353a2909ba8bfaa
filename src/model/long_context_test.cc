// Windows with sinks against transformers under the same mask (tools/window_golden.py), sparse attention
// against full attention, and both against themselves: the same bits whatever the chunks, the batch and the
// threads.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <random>

#include "model/runner.h"
#include "support/fixtures.h"
#include "support/loaded_model.h"
#include "support/random_model.h"
#include "support/runnable_kernels.h"

namespace pingti {
namespace {

// Logits of the last `rows` tokens; those before are computed without.
std::vector<float> last_logits(Model& model, std::span<const int32_t> tokens, int chunk, size_t rows) {
  auto runner = Runner::create(model, 1, static_cast<int64_t>(tokens.size()));
  EXPECT_TRUE(runner.has_value());
  const auto vocab = static_cast<size_t>(model.config().vocab);
  std::vector<float> all;
  while (!tokens.empty()) {
    const auto part = tokens.first(std::min(tokens.size(), static_cast<size_t>(chunk)));
    tokens = tokens.subspan(part.size());
    const bool wanted = tokens.size() < rows;
    const Runner::Piece piece{.tokens = part, .all_logits = wanted, .no_logits = !wanted};
    const auto logits = runner->step({&piece, 1});
    all.insert(all.end(), logits.begin(), logits.end());
  }
  return {all.end() - static_cast<std::ptrdiff_t>(rows * vocab), all.end()};
}

// Not uniform: a text has its own repetitions, and pages that weigh more than others.
std::vector<int32_t> some_tokens(int count, int vocab, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<int32_t> tokens;
  for (int i = 0; i < count; ++i) {
    const auto kinds = static_cast<uint32_t>(i / 50 % 3 == 0 ? vocab : 20 + i / 50);
    tokens.push_back(static_cast<int32_t>(random() % kinds));
  }
  return tokens;
}

TEST(Window, LogitsEqualTransformersUnderTheSameMask) {
  const std::string folder = std::string(PINGTI_SOURCE_DIR) + "/tests/model/golden/";
  const auto cases = read_json_fixture(folder + "windows.json");
  ASSERT_EQ(cases.size(), 4u);
  for (const auto& one : cases) {
    const auto name = one["model"].get<std::string>();
    const AttentionPolicy policy{.window = one["window"], .sinks = one["sinks"]};
    const auto tokens = one["tokens"].get<std::vector<int32_t>>();
    for (const Kernels* kernels : runnable_kernels()) {
      SCOPED_TRACE(name + ", " + kernels->isa);
      Loaded loaded =
          load(folder + name + ".gguf", 2,
               {.kernels = kernels, .kv_type = KvType::kF32, .attention = policy, .activations_f32 = true});
      ASSERT_NE(loaded.model, nullptr);
      const auto logits = last_logits(*loaded.model, tokens, 512, tokens.size());
      const auto vocab = static_cast<size_t>(loaded.model->config().vocab);
      double largest = 0;
      for (size_t i = 0; i < one["rows"].size(); ++i) {
        const auto row = one["rows"][i].get<size_t>();
        for (size_t v = 0; v < vocab; ++v) {
          const double want = one["logits"][i][v].get<double>();
          largest = std::max(largest, std::abs(want - logits[row * vocab + v]));
        }
      }
      EXPECT_LT(largest, 1e-3);  // as in decoder_test.cc
      EXPECT_GT(loaded.model->attention_work().skipped(), 0.1);
    }
  }
}

struct PolicyCase {
  const char* name;
  const char* architecture;
  int64_t window;
  int64_t sinks;
  const char* sparse;
  KvType kv_type = KvType::kF16;
};

class Policy : public testing::TestWithParam<PolicyCase> {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() /
            ("pingti_long_context_" + std::to_string(::getpid()) + ".gguf");
    ASSERT_TRUE(write_random_model(model_, path_));
    const PolicyCase& param = GetParam();
    auto policy = make_attention_policy(param.window, param.sinks, param.sparse);
    ASSERT_TRUE(policy) << policy.error().to_string();
    policy_ = *policy;
  }
  void TearDown() override { std::filesystem::remove(path_); }

  RandomModel model_{.architecture = GetParam().architecture,
                     .layers = 3,
                     .hidden = 128,
                     .ffn = 128,
                     .heads = 6,
                     .kv_heads = 2,
                     .head_dim = 32,
                     .window = 200,
                     .formats = {DType::kQ8_0, DType::kQ4_0, DType::kF16}};
  std::filesystem::path path_;
  AttentionPolicy policy_;
};

TEST_P(Policy, ChunksAndThreadsChangeNoBit) {
  constexpr size_t kRows = 40;
  const auto tokens = some_tokens(613, model_.vocab, 5);
  for (const Kernels* kernels : runnable_kernels()) {
    SCOPED_TRACE(kernels->isa);
    std::vector<float> expected;
    for (int threads : {1, 2, 3, 8}) {
      Loaded loaded =
          load(path_, threads, {.kernels = kernels, .kv_type = GetParam().kv_type, .attention = policy_});
      ASSERT_NE(loaded.model, nullptr);
      for (int chunk : {512, 64, 7, 1}) {
        if (chunk <= 7 && threads != 2) continue;
        if (chunk == 64 && threads == 1) continue;
        const auto logits = last_logits(*loaded.model, tokens, chunk, kRows);
        if (expected.empty()) expected = logits;
        ASSERT_EQ(std::memcmp(expected.data(), logits.data(), logits.size() * sizeof(float)), 0)
            << "threads " << threads << ", chunk " << chunk;
      }
      EXPECT_GT(loaded.model->attention_work().skipped(), 0.2);
    }
    for (float logit : expected) ASSERT_TRUE(std::isfinite(logit));
  }
}

TEST_P(Policy, TheBatchChangesNoBit) {
  constexpr int kSequences = 5;
  const auto& kernels = *runnable_kernels().front();
  Loaded loaded = load(path_, 2, {.kernels = &kernels, .kv_type = GetParam().kv_type, .attention = policy_});
  ASSERT_NE(loaded.model, nullptr);
  auto runner = Runner::create(*loaded.model, kSequences, 1000);
  ASSERT_TRUE(runner.has_value());
  std::vector<std::vector<int32_t>> tokens;
  std::vector<Runner::Piece> pieces;
  for (int s = 0; s < kSequences; ++s) {
    tokens.push_back(some_tokens(150 + 190 * s, model_.vocab, static_cast<uint32_t>(s)));
    const std::span<const int32_t> all(tokens.back());
    pieces.push_back({.sequence = s, .tokens = all.first(all.size() - 3), .no_logits = true});
  }
  runner->step(pieces);
  std::vector<float> last;
  for (size_t step = 3; step > 0; --step) {
    for (int s = 0; s < kSequences; ++s) {
      const std::span<const int32_t> all(tokens[static_cast<size_t>(s)]);
      pieces[static_cast<size_t>(s)] = {.sequence = s, .tokens = all.subspan(all.size() - step, 1)};
    }
    const auto logits = runner->step(pieces);
    last.assign(logits.begin(), logits.end());
  }
  const auto vocab = static_cast<size_t>(model_.vocab);
  for (size_t s = 0; s < kSequences; ++s) {
    const auto alone = last_logits(*loaded.model, tokens[s], 512, 1);
    EXPECT_EQ(std::memcmp(alone.data(), last.data() + s * vocab, vocab * sizeof(float)), 0)
        << "sequence " << s;
  }
}

// A guess that proved wrong is overwritten: summaries made of it must not stay.
TEST_P(Policy, ForgottenTokensLeaveNoTrace) {
  const auto tokens = some_tokens(700, model_.vocab, 9);
  const auto others = some_tokens(80, model_.vocab, 99);
  Loaded loaded = load(
      path_, 2, {.kernels = runnable_kernels().front(), .kv_type = GetParam().kv_type, .attention = policy_});
  ASSERT_NE(loaded.model, nullptr);
  auto runner = Runner::create(*loaded.model, 1, 800);
  ASSERT_TRUE(runner.has_value());
  const std::span<const int32_t> all(tokens);
  std::vector<float> found;
  for (size_t begin = 0; begin < tokens.size(); begin += 100) {
    const Runner::Piece wrong{.tokens = others};
    runner->step({&wrong, 1});
    runner->truncate(0, static_cast<int64_t>(begin));
    const Runner::Piece right{.tokens = all.subspan(begin, 100)};
    const auto logits = runner->step({&right, 1});
    found.assign(logits.begin(), logits.end());
  }
  EXPECT_EQ(found, last_logits(*loaded.model, tokens, 512, 1));
}

INSTANTIATE_TEST_SUITE_P(
    Policies, Policy,
    testing::Values(
        PolicyCase{"Window", "llama", 100, 0, ""}, PolicyCase{"WindowAndSinks", "qwen2", 70, 40, ""},
        PolicyCase{"WindowBesideOwn", "gemma3", 260, 4, ""},
        PolicyCase{"TopK", "llama", 0, 0, "topk=3,min-length=100,sinks=4,recent=40,dense-layers=1"},
        PolicyCase{"TopKNothingKept", "qwen2", 0, 0, "topk=2,min-length=0,sinks=0,recent=0,dense-layers=0"},
        PolicyCase{"TopP", "llama", 0, 0, "topp=0.5,min-length=64,sinks=32,recent=64,dense-layers=0"},
        PolicyCase{"TopPQ8", "qwen2", 0, 0, "topp=0.5,min-length=64,recent=64,dense-layers=0", KvType::kQ8},
        PolicyCase{"TopKQ4", "llama", 0, 0, "topk=3,min-length=64,recent=64,dense-layers=0", KvType::kQ4}),
    [](const auto& info) { return info.param.name; });

TEST(Sparse, ReadingEverythingEqualsFullAttention) {
  const auto path =
      std::filesystem::temp_directory_path() / ("pingti_dense_" + std::to_string(::getpid()) + ".gguf");
  const RandomModel model{.layers = 3, .ffn = 256, .heads = 4, .kv_heads = 2};
  ASSERT_TRUE(write_random_model(model, path));
  const auto tokens = some_tokens(600, model.vocab, 3);
  for (const Kernels* kernels : runnable_kernels()) {
    SCOPED_TRACE(kernels->isa);
    const auto logits = [&](const char* sparse) {
      Loaded loaded =
          load(path, 2, {.kernels = kernels, .attention = {.sparse = *parse_sparse_attention(sparse)}});
      return last_logits(*loaded.model, tokens, 512, 30);
    };
    const auto full = logits("");
    EXPECT_EQ(logits("topk=19,min-length=0,sinks=0,recent=0,dense-layers=0"), full);
    EXPECT_EQ(logits("topp=1,min-length=0,sinks=0,recent=0,dense-layers=0"), full);
    EXPECT_EQ(logits("topk=1,min-length=601,dense-layers=0"), full);
    EXPECT_EQ(logits("topk=1,min-length=0,dense-layers=3"), full);
    EXPECT_NE(logits("topk=1,min-length=0,dense-layers=0"), full);
  }
  std::filesystem::remove(path);
}

TEST(Sparse, WorkIsCountedByTheQueryAndPage) {
  const auto path =
      std::filesystem::temp_directory_path() / ("pingti_work_" + std::to_string(::getpid()) + ".gguf");
  const RandomModel model{.layers = 3, .ffn = 256, .heads = 4, .kv_heads = 2};
  ASSERT_TRUE(write_random_model(model, path));
  const auto tokens = some_tokens(320, model.vocab, 3);
  const auto work = [&](const AttentionPolicy& policy) {
    Loaded loaded = load(path, 2, {.kernels = runnable_kernels().front(), .attention = policy});
    last_logits(*loaded.model, tokens, 512, 1);
    return loaded.model->attention_work();
  };
  EXPECT_EQ(work({}).pairs, 0);
  int64_t all = 0;
  int64_t chosen = 0;
  int64_t seen = 0;
  for (int position = 0; position < 320; ++position) {
    const int pages = position / kPageTokens + 1;
    all += pages;
    chosen += std::min(pages, 2 + 1 + 1);  // topk, the first page and the query's own
    int page_count = 0;
    for (int page = 0; page < pages; ++page)
      page_count += page == 0 || (page + 1) * kPageTokens > position - 69 ? 1 : 0;
    seen += page_count;
  }
  const auto sparse =
      work({.sparse = *parse_sparse_attention("topk=2,min-length=0,recent=0,dense-layers=1")});
  EXPECT_EQ(sparse.pairs, 3 * 2 * all);
  EXPECT_EQ(sparse.computed, 2 * all + 2 * 2 * chosen);
  EXPECT_GT(sparse.overhead, 0);
  const auto window = work({.window = 70, .sinks = 5});
  EXPECT_EQ(window.pairs, 3 * 2 * all);
  EXPECT_EQ(window.computed, 3 * 2 * seen);
  EXPECT_EQ(window.overhead, 0);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace pingti
