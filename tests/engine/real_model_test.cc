// Same answer at any load, on the real test model: every request alone on one thread with small chunks, then
// all at once on other threads, chunks and cache settings.
#include <gtest/gtest.h>

#include <condition_variable>
#include <cstdlib>
#include <mutex>

#include "engine/engine.h"
#include "text/tokenizer.h"

namespace pingti {
namespace {

class Collector final : public EventSink {
 public:
  void prompt(PromptEvent) override {}
  void tokens(TokenEvent event) override {
    const std::lock_guard lock(mutex_);
    text_[event.choice] += event.text;
    for (const TokenLogprobs& entry : event.logprobs) logprobs_[event.choice].push_back(entry.chosen.logprob);
  }
  void finish(FinishEvent event) override {
    const std::lock_guard lock(mutex_);
    EXPECT_FALSE(event.error) << event.error->to_string();
    ++finished_;
    changed_.notify_all();
  }
  void wait(int choices) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return finished_ == choices; });
  }
  bool operator==(const Collector& other) const {
    return text_[0] == other.text_[0] && text_[1] == other.text_[1] && logprobs_[0] == other.logprobs_[0] &&
           logprobs_[1] == other.logprobs_[1];
  }
  const std::string& text() const { return text_[0]; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string text_[2];
  std::vector<float> logprobs_[2];
  int finished_ = 0;
};

std::vector<GenerationRequest> requests(const Tokenizer& tokenizer) {
  const std::string shared =
      "The following is a list of facts about cities, rivers and mountains of the world. ";
  std::vector<GenerationRequest> all;
  for (int i = 0; i < 8; ++i) {
    std::string text = i % 2 == 0 ? shared : "";
    for (int k = 0; k < (i % 4) * 15; ++k) text += " river " + std::to_string(k * i);
    text += " Paris is";
    GenerationRequest request{.prompt = tokenizer.encode(text), .max_tokens = 4 + i, .ignore_eos = true};
    request.choices = i % 4 == 1 ? 2 : 1;
    request.sampling.temperature = i % 3 == 0 ? 0.0f : 1.0f;
    request.sampling.seed = static_cast<uint64_t>(i);
    request.top_logprobs = 0;  // bits of the chosen token's logprob, too
    all.push_back(std::move(request));
  }
  return all;
}

std::vector<std::shared_ptr<Collector>> answers(const EngineOptions& options, bool together) {
  auto engine = make_engine(options);
  EXPECT_TRUE(engine) << engine.error().to_string();
  std::vector<std::shared_ptr<Collector>> sinks;
  const auto all = requests((*engine)->tokenizer());
  for (const auto& request : all) {
    sinks.push_back(std::make_shared<Collector>());
    EXPECT_TRUE((*engine)->submit(request, sinks.back()));
    if (!together) sinks.back()->wait(request.choices);
  }
  for (size_t i = 0; i < all.size(); ++i) sinks[i]->wait(all[i].choices);
  return sinks;
}

TEST(RealModel, AnswersDoNotDependOnTheLoad) {
  const char* path = std::getenv("PINGTI_TEST_MODEL");
  if (path == nullptr || *path == '\0') GTEST_SKIP() << "PINGTI_TEST_MODEL is not set";
  EngineOptions options{.model_path = path, .threads = 1, .context = 1024};
  options.prefill_chunk = 7;
  options.prefix_reuse = false;
  const auto alone = answers(options, /*together=*/false);
  EXPECT_FALSE(alone[0]->text().empty());

  options.threads = 2;
  for (const int chunk : {64, 512}) {
    options.prefill_chunk = chunk;
    options.prefix_reuse = chunk == 512;
    const auto together = answers(options, /*together=*/true);
    for (size_t i = 0; i < alone.size(); ++i) EXPECT_TRUE(*together[i] == *alone[i]) << "request " << i;
  }
}

TEST(RealModel, SpeculationChangesNoAnswer) {
  const char* path = std::getenv("PINGTI_TEST_MODEL");
  if (path == nullptr || *path == '\0') GTEST_SKIP() << "PINGTI_TEST_MODEL is not set";
  EngineOptions options{.model_path = path, .speculate = "off", .threads = 2, .context = 1024};
  const auto plain = answers(options, /*together=*/false);
  options.draft_model_path = path;  // it agrees with itself
  for (const char* speculate : {"ngram", "draft", "auto"}) {
    options.speculate = speculate;
    for (const bool together : {false, true}) {
      const auto guessed = answers(options, together);
      for (size_t i = 0; i < plain.size(); ++i)
        EXPECT_TRUE(*guessed[i] == *plain[i]) << speculate << ", request " << i;
    }
  }
}

TEST(RealModel, ADraftModelThatIsNotThereIsAnError) {
  const char* path = std::getenv("PINGTI_TEST_MODEL");
  if (path == nullptr || *path == '\0') GTEST_SKIP() << "PINGTI_TEST_MODEL is not set";
  const auto refused = make_engine({.model_path = path, .draft_model_path = "/nonexistent.gguf"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace pingti
