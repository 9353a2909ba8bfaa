// The engine of this machine: one model, one thread that steps all sequences as one batch.
//
// Life of a request: submit() checks it and puts it in the inbox; the engine thread makes one Sequence per
// choice and puts them in the scheduler's line; each step plans, runs the model, draws, and reports to the
// sinks; the last finished choice drops the sink. Everything but the inbox, the counters and the flags is
// touched by the engine thread alone.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/fair_turns.h"
#include "base/thread_pool.h"
#include "cache/kv_space.h"
#include "engine/engine.h"
#include "engine/lanes/answer_lengths.h"
#include "engine/lanes/backlog.h"
#include "engine/lanes/lane_settings.h"
#include "engine/prefill_pacer.h"
#include "engine/prefix_reuse.h"
#include "engine/scheduler.h"
#include "engine/step_runner.h"
#include "grammar/output_grammar.h"
#include "model/model.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace pingti {

// What an engine is made of; the engine owns it all.
struct EngineParts {
  std::unique_ptr<ThreadPool> threads;
  std::unique_ptr<Model> model;
  std::unique_ptr<Tokenizer> tokenizer;
  std::unique_ptr<const ChatTemplate> chat_template;
  KvSpace space;
  EngineInfo info;  // context is lowered to what the space can hold; lanes and places are filled in
  int max_sequences = 32;
  int prefill_chunk = 512;
  LaneSettings lanes;
  int64_t parking_bytes = 0;                       // SchedulerLimits
  std::vector<std::unique_ptr<Drafter>> drafters;  // none: no speculation
  SpeculationLimits speculation;
  std::optional<DiskReuse::Parts> disk;  // none: prefixes live in memory alone
  std::shared_ptr<FairTurns> turns;  // steps take turns with other engines'; null: alone
};

class LocalEngine final : public Engine {
 public:
  static Result<std::unique_ptr<LocalEngine>> create(EngineParts parts);
  // Cancels what is running and waits for the engine thread.
  ~LocalEngine() override;

  const EngineInfo& info() const override { return parts_.info; }
  const Tokenizer& tokenizer() const override { return *parts_.tokenizer; }
  const ChatTemplate& chat_template() const override { return *parts_.chat_template; }
  Result<uint64_t> submit(GenerationRequest request, std::shared_ptr<EventSink> sink) override;
  void cancel(uint64_t request) override;
  Forecast forecast(const Work& work, int64_t tokens_ahead) const override;
  EngineStats stats() const override;
  OutputResult<std::shared_ptr<const OutputConstraint>> constraint(const OutputSpec& spec,
                                                                   const std::string& start_after) override {
    return compiler_.compile(spec, start_after);
  }
  void drain(std::optional<std::chrono::milliseconds> limit) override;
  using Engine::drain;

  // The KV memory, for tests: only after drain().
  KvSpace& space() { return parts_.space; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Inbox {
    std::vector<std::shared_ptr<RequestState>> requests;
    std::vector<uint64_t> cancels;
    bool cancel_all = false;
    bool empty() const { return requests.empty() && cancels.empty() && !cancel_all; }
  };

  LocalEngine(EngineParts parts, StepRunner runner, Speculator speculator);

  void loop();
  bool wait_for_work();  // false: time to stop
  void take_inbox();
  void start(const std::shared_ptr<RequestState>& request);
  void refuse(RequestState& request, const Error& error);
  void step();
  int prefill_rows() const;
  void compute(const StepPlan& plan);
  void finish_prompt(Sequence& first, int logit_row, std::vector<Draw>* draws);
  uint64_t report(Draw& draw);
  bool report_token(Sequence& sequence, int32_t token, TokenLogprobs* logprobs);
  void finish(Sequence& sequence, FinishReason reason, std::string stop_text = {});
  void finish_stuck(Sequence& sequence);
  void drop(uint64_t request, FinishReason reason, const Error* error);
  void drop_all();
  void drop_running(const Error& error);
  void drop_failed_sinks();
  void drop_overdue();
  void send_finish(Sequence& sequence, FinishEvent event);
  void close(RequestState& request, FinishReason reason);
  void publish();
  static Work work_of(const GenerationRequest& request);
  static void add_pending(const RequestState& request, std::vector<PendingPrompt>* pending);
  Forecast forecast_locked(const Work& work, int64_t tokens_ahead) const;
  int64_t waiting_locked(int lane) const;

  EngineParts parts_;
  GrammarCompiler compiler_;
  StepRunner runner_;
  Speculator speculator_;  // before the scheduler, whose sequences hold its drafters' states
  PrefixReuse reuse_;      // before the scheduler, which tells it of its sequences
  Scheduler scheduler_;
  PrefillPacer pacer_;
  std::unordered_map<uint64_t, std::shared_ptr<RequestState>> open_;
  FairTurns::Member turns_;

  mutable std::mutex mutex_;
  std::condition_variable work_;   // the inbox has something, or stop_
  std::condition_variable quiet_;  // no request is open and the engine thread rests
  Inbox inbox_;                    // these are guarded by mutex_
  uint64_t last_id_ = 0;
  int64_t open_requests_ = 0;
  bool draining_ = false;
  bool stop_ = false;
  bool waiting_for_work_ = false;
  Clock::time_point last_look_ = Clock::now();
  EngineStats stats_;
  std::vector<PendingPrompt> pending_;  // the inbox's are not among them
  EnginePace pace_;
  AnswerLengths answer_lengths_;

  std::thread thread_;
};

// What submit() asks of a request.
Result<void> check_request(const GenerationRequest& request, const EngineInfo& info);

}  // namespace pingti
