// A scripted engine for tests of everything above the engine: byte tokens, answers made from the prompt.
//
// What it says depends on the last user message (the whole prompt, outside a chat):
//   "forever"       the same words until the token limit
//   "random"        letters drawn from (seed, choice, position); 20 of them, the earlier in the alphabet the
//                   likelier
//   "fail"          three tokens, then an engine error
//   "stall"         the heartbeat stops
//   "cache scope"   the request's cache salt and key, "SALT|KEY"
//   anything else   the message itself
// With FakeOptions::answer it says that instead, whatever the prompt. A thinking part that is forced to end
// leaves out the rest of it.
// A request with a constraint is answered with tokens drawn evenly from those it allows, from (seed, choice,
// position): the worst model there is.
// One token every pace_ms for each of up to max_batch choices. Requests start by priority, then arrival, and
// end at their deadline. Lanes are graded by prompt and token limit (256 if there is none); the first token
// is predicted from the prompts waiting at prefill_rate, though they take no time.
#pragma once

#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <thread>

#include "engine/engine.h"
#include "engine/lanes/lane_settings.h"
#include "grammar/output_grammar.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace pingti {

struct FakeOptions {
  double pace_ms = 2;
  int64_t context = 2048;
  size_t max_batch = 8;
  double prefill_rate = 0;  // tokens per second; 0: predicts nothing
  LaneSettings lanes;
  std::string answer;
  std::string chat_template;  // a Jinja file; empty: ChatML
};

class FakeEngine : public Engine {
 public:
  static Result<std::unique_ptr<FakeEngine>> create(FakeOptions options);
  ~FakeEngine() override;

  const EngineInfo& info() const override { return info_; }
  const Tokenizer& tokenizer() const override { return *tokenizer_; }
  const ChatTemplate& chat_template() const override { return template_; }
  Result<uint64_t> submit(GenerationRequest request, std::shared_ptr<EventSink> sink) override;
  void cancel(uint64_t request) override;
  Forecast forecast(const Work& work, int64_t tokens_ahead) const override;
  EngineStats stats() const override;
  void drain(std::optional<std::chrono::milliseconds> limit) override;
  using Engine::drain;
  OutputResult<std::shared_ptr<const OutputConstraint>> constraint(const OutputSpec& spec,
                                                                   const std::string& start_after) override {
    return compiler_->compile(spec, start_after);
  }

 private:
  struct Job;
  struct Sequence;
  FakeEngine(FakeOptions options, std::unique_ptr<Tokenizer> tokenizer, ChatTemplate chat_template);
  void run();
  void start_waiting();
  int lane_of(const Work& work) const;
  int lane_of(const GenerationRequest& request) const;
  void end_overdue();
  void end(uint64_t id, FinishReason reason, const std::string& error = {});
  bool step(Sequence& sequence);  // true when it has finished
  bool step_constrained(Sequence& sequence);
  void finish(Sequence& sequence, FinishReason reason, std::string stop_text = {}, std::string error = {});

  FakeOptions options_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<GrammarCompiler> compiler_;
  ChatTemplate template_;
  EngineInfo info_;

  mutable std::mutex mutex_;  // everything below but the jobs' contents
  std::condition_variable changed_;
  std::list<std::shared_ptr<Job>> waiting_;
  std::list<Sequence> running_;  // the thread's own
  EngineStats stats_;
  uint64_t next_id_ = 1;
  std::vector<uint64_t> cancelled_;
  size_t jobs_ = 0;
  bool draining_ = false;
  bool stop_ = false;
  bool stalled_ = false;
  std::thread thread_;
};

}  // namespace pingti
