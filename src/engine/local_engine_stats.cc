// What the engine tells of itself: figures, and what a new request may expect.
#include <algorithm>

#include "engine/local_engine.h"

namespace pingti {

Work LocalEngine::work_of(const GenerationRequest& request) {
  return {.prompt_tokens = static_cast<int64_t>(request.prompt.size()),
          .max_tokens = request.max_tokens,
          .choices = request.choices,
          .priority = request.priority,
          .tenant = request.tenant};
}

// The prompt is the first choice's to compute.
void LocalEngine::add_pending(const RequestState& request, std::vector<PendingPrompt>* pending) {
  for (int choice = 0; choice < request.open_choices; ++choice) {
    pending->push_back({.lane = request.lane,
                        .priority = request.request.priority,
                        .tokens = choice == 0 ? request.prompt_tokens() : 0,
                        .waiting = true});
  }
}

int64_t LocalEngine::waiting_locked(int lane) const {
  int64_t waiting = stats_.lanes[static_cast<size_t>(lane)].waiting;
  for (const auto& request : inbox_.requests) waiting += request->lane == lane ? request->open_choices : 0;
  return waiting;
}

Forecast LocalEngine::forecast(const Work& work, int64_t tokens_ahead) const {
  const std::lock_guard lock(mutex_);
  return forecast_locked(work, tokens_ahead);
}

Forecast LocalEngine::forecast_locked(const Work& work, int64_t tokens_ahead) const {
  const int64_t room = std::max<int64_t>(0, parts_.info.context - work.prompt_tokens);
  const int64_t most = work.max_tokens < 0 ? room : std::min(room, work.max_tokens);
  Forecast forecast{.answer_tokens = answer_lengths_.estimate(work.tenant, most)};
  forecast.lane = parts_.lanes.lane_of(work.prompt_tokens + forecast.answer_tokens * work.choices);
  std::vector<PendingPrompt> pending = pending_;
  for (const auto& request : inbox_.requests) add_pending(*request, &pending);
  forecast.first_token_seconds = predict_first_token(pending, pace_, parts_.lanes, forecast.lane,
                                                     work.priority, work.prompt_tokens + tokens_ahead);
  return forecast;
}

EngineStats LocalEngine::stats() const {
  const std::lock_guard lock(mutex_);
  EngineStats stats = stats_;
  stats.grammars = compiler_.stats();
  stats.waiting += static_cast<int64_t>(inbox_.requests.size());
  for (const auto& request : inbox_.requests) {
    LaneStats& lane = stats.lanes[static_cast<size_t>(request->lane)];
    lane.waiting += request->open_choices;
    lane.backlog_tokens += request->prompt_tokens();
  }
  if (!waiting_for_work_ || !inbox_.empty())
    stats.seconds_since_step = std::chrono::duration<double>(Clock::now() - last_look_).count();
  return stats;
}

void LocalEngine::publish() {
  const auto running = static_cast<int64_t>(scheduler_.running_count());
  const int64_t waiting = scheduler_.waiting_requests();
  const double usage = parts_.space.usage();
  const ReuseStats reuse = reuse_.stats();
  const std::vector<LaneStats> lanes = scheduler_.lane_stats();
  std::vector<PendingPrompt> pending = scheduler_.pending_prompts();
  const PrefillCost cost = pacer_.cost();
  const std::lock_guard lock(mutex_);
  for (size_t lane = 0; lane < lanes.size(); ++lane) {
    LaneStats& own = stats_.lanes[lane];
    own.waiting = lanes[lane].waiting;
    own.running = lanes[lane].running;
    own.backlog_tokens = lanes[lane].backlog_tokens;
    own.preemptions = lanes[lane].preemptions;
  }
  pending_ = std::move(pending);
  pace_.prefill = cost;
  pace_.places_held = running;
  stats_.prefill_rate = cost.known() ? 1 / cost.seconds(1) : 0;
  stats_.running = running;
  stats_.waiting = waiting;
  stats_.kv_usage = usage;
  stats_.reuse = reuse;
  stats_.preemptions = scheduler_.preemptions();
  stats_.parkings = scheduler_.parkings();
  const AttentionWork work = parts_.model->attention_work();
  stats_.attention_pairs = static_cast<uint64_t>(work.pairs);
  stats_.attention_computed = static_cast<uint64_t>(work.computed);
}

}  // namespace pingti
