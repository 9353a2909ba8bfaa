// Embeddings of the real test model against transformers (tools/embedding_golden.py), and the same bytes
// beside other work.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <future>

#include "engine/engine.h"
#include "support/fixtures.h"

namespace pingti {
namespace {

class Collector final : public EventSink {
 public:
  void prompt(PromptEvent event) override { embedding_ = std::move(event.embedding); }
  void tokens(TokenEvent) override {}
  void finish(FinishEvent) override { done_.set_value(); }
  std::vector<float> wait() {
    done_.get_future().wait();
    return embedding_;
  }

 private:
  std::vector<float> embedding_;
  std::promise<void> done_;
};

std::shared_ptr<Collector> submit(Engine& engine, std::vector<int32_t> ids, Pooling pooling) {
  auto sink = std::make_shared<Collector>();
  GenerationRequest request{.prompt = std::move(ids), .max_tokens = pooling == Pooling::kNone ? 8 : 0};
  request.embed = pooling;
  const auto id = engine.submit(request, sink);
  EXPECT_TRUE(id) << id.error().to_string();
  return sink;
}

double distance(const std::vector<float>& got, const std::vector<double>& want) {
  double norm = 0;
  for (const float value : got) norm += static_cast<double>(value) * static_cast<double>(value);
  double most = got.size() == want.size() ? 0 : INFINITY;
  for (size_t i = 0; i < std::min(got.size(), want.size()); ++i)
    most = std::max(most, std::abs(static_cast<double>(got[i]) / std::sqrt(norm) - want[i]));
  return most;
}

TEST(Embedding, EqualsTransformersAloneAndInABatch) {
  const char* path = std::getenv("PINGTI_TEST_MODEL");
  if (path == nullptr) GTEST_SKIP() << "PINGTI_TEST_MODEL is not set";
  EngineOptions options{.model_path = path, .threads = 2, .context = 256, .isa = "reference"};
  options.kv_type = "f32";
  options.activations_f32 = true;
  const auto engine = make_engine(options);
  ASSERT_TRUE(engine) << engine.error().to_string();
  EXPECT_EQ((*engine)->info().pooling, Pooling::kNone);
  const auto golden =
      read_json_fixture(std::string(PINGTI_SOURCE_DIR) + "/tests/engine/smollm2_embeddings.json");
  for (const auto& [pooling, name] : {std::pair(Pooling::kMean, "mean"), std::pair(Pooling::kLast, "last")}) {
    std::vector<std::vector<float>> alone;
    for (const auto& text : golden) {
      alone.push_back(submit(**engine, text["ids"], pooling)->wait());
      // Components are up to about 0.5, written with six digits; float noise through 30 layers is 1e-5.
      EXPECT_LT(distance(alone.back(), text[name].get<std::vector<double>>()), 5e-5) << name;
    }
    std::vector<std::shared_ptr<Collector>> together;
    for (const auto& text : golden) {
      submit(**engine, text["ids"], Pooling::kNone);
      together.push_back(submit(**engine, text["ids"], pooling));
    }
    for (size_t i = 0; i < together.size(); ++i) EXPECT_EQ(together[i]->wait(), alone[i]);
  }
  (*engine)->drain();
}

}  // namespace
}  // namespace pingti
