#include "cli/answer.h"

#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

namespace pingti {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPollInterval = std::chrono::milliseconds(50);

// Hands text from the engine's thread to the caller's.
class AnswerSink final : public EventSink {
 public:
  struct News {
    std::string text;
    std::optional<FinishEvent> finish;
  };

  void prompt(PromptEvent event) override {
    const std::lock_guard lock(mutex_);
    prompt_ = std::move(event);
    prompt_time_ = Clock::now();
  }
  void tokens(TokenEvent event) override {
    const std::lock_guard lock(mutex_);
    news_.text += event.text;
    changed_.notify_one();
  }
  void finish(FinishEvent event) override {
    const std::lock_guard lock(mutex_);
    finish_time_ = Clock::now();
    news_.finish = std::move(event);
    changed_.notify_one();
  }

  News wait() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPollInterval, [this] { return !news_.text.empty() || news_.finish; });
    return std::exchange(news_, {});
  }
  // After the finish.
  void fill(Clock::time_point begin, AnswerSummary* summary) const {
    summary->prompt_tokens = prompt_.prompt_tokens;
    summary->cached_tokens = prompt_.cached_tokens;
    const auto seconds = [](Clock::duration time) { return std::chrono::duration<double>(time).count(); };
    summary->prompt_seconds = prompt_time_ ? seconds(*prompt_time_ - begin) : 0;
    summary->answer_seconds = prompt_time_ ? seconds(finish_time_ - *prompt_time_) : 0;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  News news_;
  PromptEvent prompt_;
  std::optional<Clock::time_point> prompt_time_;
  Clock::time_point finish_time_;
};

double rate(int64_t tokens, double seconds) {
  return seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
}

}  // namespace

Result<AnswerSummary> stream_answer(Engine& engine, GenerationRequest request,
                                    const AnswerCallbacks& callbacks) {
  const auto sink = std::make_shared<AnswerSink>();
  const auto begin = Clock::now();
  PT_TRY(const uint64_t id, engine.submit(std::move(request), sink));
  AnswerSummary summary;
  for (bool cancelled = false;;) {
    AnswerSink::News news = sink->wait();
    if (!cancelled && callbacks.interrupted && callbacks.interrupted()) {
      engine.cancel(id);
      cancelled = true;
    }
    if (!cancelled && !news.text.empty()) {
      callbacks.show(news.text);
      summary.text += news.text;
    }
    if (!news.finish) continue;
    if (news.finish->error) return std::unexpected(*news.finish->error);
    summary.reason = cancelled ? FinishReason::kCancelled : news.finish->reason;
    summary.answer_tokens = news.finish->completion_tokens;
    summary.drafted_tokens = news.finish->drafted_tokens;
    summary.accepted_tokens = news.finish->accepted_tokens;
    sink->fill(begin, &summary);
    return summary;
  }
}

std::string speed_line(const AnswerSummary& summary) {
  const std::string cached =
      summary.cached_tokens > 0 ? fmt::format(" ({} cached)", summary.cached_tokens) : "";
  const std::string guessed =
      summary.drafted_tokens > 0
          ? fmt::format(" ({} of {} guesses right)", summary.accepted_tokens, summary.drafted_tokens)
          : "";
  return fmt::format("prompt {} tokens{}, {:.1f} tok/s; answer {} tokens, {:.1f} tok/s{}",
                     summary.prompt_tokens, cached,
                     rate(summary.prompt_tokens - summary.cached_tokens, summary.prompt_seconds),
                     summary.answer_tokens, rate(summary.answer_tokens - 1, summary.answer_seconds), guessed);
}

}  // namespace pingti
