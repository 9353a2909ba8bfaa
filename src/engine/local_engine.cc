#include "engine/local_engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <new>
#include <ranges>

namespace pingti {
namespace {

Error error_of(const std::exception& exception) {
  if (dynamic_cast<const std::bad_alloc*>(&exception) != nullptr) {
    return {ErrorKind::kExhausted, "memory.exhausted", "the system refused memory for this step",
            "lower --ctx or the number of parallel requests"};
  }
  return {ErrorKind::kInternal, "engine.step", fmt::format("the step failed: {}", exception.what())};
}

SamplingParams sampling_of(const GenerationRequest& request, const Tokenizer& tokenizer) {
  SamplingParams params = request.sampling;
  if (request.min_tokens <= 0) return params;
  params.barred_before = static_cast<int64_t>(request.prompt.size()) + request.min_tokens;
  const auto ends = tokenizer.end_of_generation_ids();
  params.barred_tokens.assign(ends.begin(), ends.end());
  params.barred_tokens.insert(params.barred_tokens.end(), request.stop_tokens.begin(),
                              request.stop_tokens.end());
  return params;
}

std::vector<float> embedding_of(const RequestState& request) {
  std::vector<float> mean;
  mean.reserve(request.state_sum.size());
  for (const double sum : request.state_sum)
    mean.push_back(static_cast<float>(sum / static_cast<double>(request.pooled_tokens)));
  return mean;
}

double seconds_between(std::chrono::steady_clock::time_point begin,
                       std::chrono::steady_clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

std::unique_ptr<DiskReuse> disk_reuse(EngineParts& parts) {
  if (!parts.disk) return nullptr;
  return std::make_unique<DiskReuse>(&parts.space, *std::move(parts.disk));
}

// Calls into a sink, which is not ours: whatever it throws drops its request and nothing else.
template <class Call>
void notify(RequestState& request, const Call& call) {
  if (request.sink_failed) return;
  try {
    call(*request.sink);
  } catch (...) {
    request.sink_failed = true;
  }
}

}  // namespace

Result<std::unique_ptr<LocalEngine>> LocalEngine::create(EngineParts parts) {
  parts.info.context = std::min(parts.info.context, parts.space.max_positions(parts.prefill_chunk));
  parts.info.max_sequences = parts.max_sequences;
  parts.info.lanes = parts.lanes.lanes;
  Speculator speculator(std::move(parts.drafters), parts.speculation);
  const int logit_rows = parts.max_sequences + SchedulerLimits{}.max_prompt_logits + speculator.most_rows();
  PT_TRY(StepRunner runner,
         StepRunner::create(parts.model.get(), parts.threads.get(), parts.tokenizer.get(), logit_rows));
  return std::unique_ptr<LocalEngine>(
      new LocalEngine(std::move(parts), std::move(runner), std::move(speculator)));
}

LocalEngine::LocalEngine(EngineParts parts, StepRunner runner, Speculator speculator)
    : parts_(std::move(parts)),
      compiler_(*parts_.tokenizer, static_cast<int>(parts_.info.vocab)),
      runner_(std::move(runner)),
      speculator_(std::move(speculator)),
      reuse_(&parts_.space, disk_reuse(parts_)),
      scheduler_(&parts_.space, &reuse_,
                 {.max_sequences = parts_.max_sequences, .parking_bytes = parts_.parking_bytes},
                 parts_.lanes),
      pacer_(parts_.prefill_chunk),
      turns_(parts_.turns) {
  stats_.lanes.resize(parts_.lanes.count());
  pace_.places = parts_.max_sequences;
  thread_ = std::thread([this] { loop(); });
}

LocalEngine::~LocalEngine() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  work_.notify_all();
  thread_.join();
}

Result<uint64_t> LocalEngine::submit(GenerationRequest request, std::shared_ptr<EventSink> sink) {
  PT_TRY_VOID(check_request(request, parts_.info));
  auto state = std::make_shared<RequestState>();
  state->request = std::move(request);
  state->sink = std::move(sink);
  state->open_choices = state->request.choices;
  state->arrived = Clock::now();
  const std::lock_guard lock(mutex_);
  if (draining_ || stop_)
    return fail(ErrorKind::kExhausted, "engine.draining", "the server is shutting down");
  state->lane = state->request.lane;
  if (state->lane < 0 || state->lane >= static_cast<int>(parts_.lanes.count()))
    state->lane = forecast_locked(work_of(state->request), 0).lane;
  const LaneInfo& lane = parts_.lanes.lanes[static_cast<size_t>(state->lane)];
  if (const int64_t waiting = waiting_locked(state->lane); waiting + state->request.choices > lane.queue) {
    return fail(ErrorKind::kExhausted, "engine.queue_full",
                fmt::format("{} answers wait in lane {} already; {} can", waiting, lane.name, lane.queue));
  }
  state->id = ++last_id_;
  inbox_.requests.push_back(std::move(state));
  ++open_requests_;
  work_.notify_one();
  return last_id_;
}

void LocalEngine::cancel(uint64_t request) {
  const std::lock_guard lock(mutex_);
  inbox_.cancels.push_back(request);
  work_.notify_one();
}

void LocalEngine::drain(std::optional<std::chrono::milliseconds> limit) {
  std::unique_lock lock(mutex_);
  draining_ = true;
  const auto quiet = [this] { return open_requests_ == 0 && waiting_for_work_; };
  if (limit && !quiet_.wait_for(lock, *limit, quiet)) {
    inbox_.cancel_all = true;
    work_.notify_one();
  }
  quiet_.wait(lock, quiet);
}

void LocalEngine::loop() {
  while (wait_for_work()) {
    try {
      take_inbox();
      drop_overdue();
      step();
    } catch (const std::exception& exception) {
      drop_running(error_of(exception));
    }
    drop_failed_sinks();
    if (scheduler_.idle()) reuse_.end_loads();
    publish();
  }
  take_inbox();
  drop_all();
  publish();
}

bool LocalEngine::wait_for_work() {
  std::unique_lock lock(mutex_);
  last_look_ = Clock::now();
  if (stop_) return false;
  if (!scheduler_.idle()) return true;
  waiting_for_work_ = true;
  quiet_.notify_all();
  work_.wait(lock, [this] { return stop_ || !inbox_.empty(); });
  waiting_for_work_ = false;
  last_look_ = Clock::now();
  return !stop_;
}

void LocalEngine::take_inbox() {
  Inbox inbox;
  {
    const std::lock_guard lock(mutex_);
    std::swap(inbox, inbox_);
    stats_.waiting += static_cast<int64_t>(inbox.requests.size());  // until publish() counts anew
    for (const auto& request : inbox.requests) {
      stats_.lanes[static_cast<size_t>(request->lane)].waiting += request->open_choices;
      add_pending(*request, &pending_);
    }
  }
  for (auto& request : inbox.requests) open_.emplace(request->id, request);
  for (auto& request : inbox.requests) {
    try {
      start(request);
    } catch (const std::exception& exception) {
      refuse(*request, error_of(exception));
    }
  }
  for (const uint64_t request : inbox.cancels) drop(request, FinishReason::kCancelled, nullptr);
  if (inbox.cancel_all) drop_all();
}

void LocalEngine::start(const std::shared_ptr<RequestState>& state) {
  const GenerationRequest& request = state->request;
  const int64_t room = parts_.info.context - state->prompt_tokens();
  const int64_t answer = request.max_tokens < 0 ? room : std::min(request.max_tokens, room);
  const SamplingParams sampling = sampling_of(request, *parts_.tokenizer);
  std::vector<std::unique_ptr<Sequence>> choices;
  for (int choice = 0; choice < request.choices; ++choice) {
    Sampler sampler(parts_.model->kernels(), sampling, static_cast<int>(parts_.info.vocab),
                    request.sampling.seed, choice);
    choices.push_back(std::make_unique<Sequence>(state, choice, state->prompt_tokens() + answer,
                                                 parts_.space.make_table(), std::move(sampler),
                                                 *parts_.tokenizer));
  }
  for (auto& sequence : choices) scheduler_.add(std::move(sequence));
}

// A request of which no choice could be started.
void LocalEngine::refuse(RequestState& request, const Error& error) {
  for (int choice = 0; choice < request.request.choices; ++choice) {
    notify(request, [&](EventSink& sink) {
      sink.finish({.choice = choice, .reason = FinishReason::kError, .error = error});
    });
  }
  close(request, FinishReason::kError);
}

// By whom a longer step would keep waiting.
int LocalEngine::prefill_rows() const {
  if (scheduler_.decoding()) return pacer_.rows(PrefillPacer::kPauseSeconds);
  return pacer_.rows(scheduler_.computes_large_prompt() ? PrefillPacer::kLaneSeconds
                                                        : PrefillPacer::kStepSeconds);
}

void LocalEngine::step() {
  const Turn turn(turns_);
  speculator_.propose(scheduler_.running());
  const StepPlan plan = scheduler_.plan(prefill_rows(), Clock::now());
  if (plan.empty()) return reuse_.wait_for_loads();
  publish();  // the step may take long
  const auto begin = Clock::now();
  compute(plan);
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  const int prefill_rows = static_cast<int>(plan.tokens.size()) - plan.decode_rows;
  pacer_.measured(prefill_rows, seconds);
  scheduler_.set_prefill_cost(pacer_.cost());
  reuse_.measured(prefill_rows, seconds);
  if (prefill_rows == 0) speculator_.measured(plan.decode_rows, seconds);
  if (plan.decode_rows == 0) speculator_.measured_prompt(prefill_rows, seconds);
}

void LocalEngine::compute(const StepPlan& plan) {
  runner_.forward(plan, parts_.space.pools());
  auto scores = runner_.score_prompts(plan);
  runner_.pool_states(plan);
  scheduler_.advance(plan);

  std::vector<Draw> draws;
  uint64_t prompt_tokens = 0;
  for (size_t i = 0; i < plan.entries.size(); ++i) {
    const StepPlan::Entry& entry = plan.entries[i];
    RequestState& request = *entry.sequence->request;
    std::ranges::move(scores[i], std::back_inserter(request.prompt_logprobs));
    if (entry.sequence->drawn == 0) prompt_tokens += static_cast<uint64_t>(entry.rows);
    if (!entry.draws) continue;
    const int logit_row = entry.first_logit + entry.prompt_logits;
    if (!request.prompt_sent) {
      finish_prompt(*entry.sequence, logit_row, &draws);
    } else {
      draws.push_back({.sequence = entry.sequence, .logit_row = logit_row});
    }
  }
  runner_.draw(draws);
  for (const Draw& draw : draws) speculator_.verified(*draw.sequence, draw.accepted());
  uint64_t generated = 0;
  for (Draw& draw : draws) generated += report(draw);

  const std::lock_guard lock(mutex_);
  ++stats_.steps;
  stats_.prompt_tokens += prompt_tokens;
  stats_.generated_tokens += generated;
  stats_.speculation = speculator_.stats();
  stats_.masks = runner_.mask_stats();
}

// The first choice has computed the prompt: tells so, and lets the others start from it.
void LocalEngine::finish_prompt(Sequence& first, int logit_row, std::vector<Draw>* draws) {
  RequestState& request = *first.request;
  request.prompt_sent = true;
  const auto now = Clock::now();
  const double queued = seconds_between(request.arrived, *request.taken_in);
  notify(request, [&](EventSink& sink) {
    sink.prompt({.prompt_tokens = request.prompt_tokens(),
                 .cached_tokens = request.cached_tokens,
                 .logprobs = std::move(request.prompt_logprobs),
                 .embedding = embedding_of(request),
                 .queue_seconds = queued,
                 .prefill_seconds = seconds_between(*request.taken_in, now)});
  });
  {
    const std::lock_guard lock(mutex_);
    LaneStats& lane = stats_.lanes[first.lane()];
    ++lane.prompts;
    lane.queue_seconds += queued;
    lane.first_token_seconds += seconds_between(request.arrived, now);
  }
  request.prompt_logprobs.clear();
  if (first.limit == first.size()) {
    const uint64_t id = request.id;
    drop(id, FinishReason::kLength, nullptr);
    return;
  }
  draws->push_back({.sequence = &first, .logit_row = logit_row});
  for (Sequence* sibling : scheduler_.start_siblings(first))
    draws->push_back({.sequence = sibling, .logit_row = logit_row});
}

// Tokens drawn, up to the one that ends the answer; what a draft yielded beyond it is dropped.
uint64_t LocalEngine::report(Draw& draw) {
  uint64_t count = 0;
  for (bool goes_on = true; goes_on && count < draw.tokens.size(); ++count) {
    if (count > 0) scheduler_.accept_drafted(*draw.sequence);
    goes_on = report_token(*draw.sequence, draw.tokens[count],
                           draw.logprobs.empty() ? nullptr : &draw.logprobs[count]);
  }
  return count;
}

// False when the answer is over and the sequence gone.
bool LocalEngine::report_token(Sequence& sequence, int32_t token, TokenLogprobs* logprobs) {
  RequestState& request = *sequence.request;
  ++sequence.drawn;
  if (sequence.matcher && !sequence.matcher->accept(token)) {
    finish_stuck(sequence);
    return false;
  }
  const bool stop_token =
      std::ranges::find(request.request.stop_tokens, token) != request.request.stop_tokens.end();
  const bool ends =
      stop_token || (!request.request.ignore_eos && parts_.tokenizer->is_end_of_generation(token));
  TokenEvent event{.choice = sequence.choice};
  if (!ends) {
    sequence.tokens.push_back(token);
    event.tokens.push_back(token);
    const bool was_thinking = sequence.thinking.inside();
    sequence.thinking.push(token, parts_.tokenizer->token_bytes(token));
    event.text = sequence.text.push(token, !was_thinking && !sequence.thinking.inside());
    if (logprobs != nullptr) event.logprobs.push_back(std::move(*logprobs));
  }
  const bool complete = sequence.matcher && sequence.matcher->finished();
  const bool full = sequence.size() >= sequence.limit;
  if ((ends || full || complete) && !sequence.text.matched()) event.text += sequence.text.finish();
  const auto& stop = sequence.text.matched();
  if (!event.tokens.empty() || !event.text.empty())
    notify(request, [&](EventSink& sink) { sink.tokens(std::move(event)); });
  if (stop) {
    finish(sequence, FinishReason::kStop, *stop);
  } else if (ends || full || complete) {
    finish(sequence, ends || complete ? FinishReason::kStop : FinishReason::kLength);
  } else {
    return true;
  }
  return false;
}

// No token goes on: the vocabulary cannot spell what the grammar wants next.
void LocalEngine::finish_stuck(Sequence& sequence) {
  const auto owned = scheduler_.remove(&sequence, /*remember=*/false);
  send_finish(*owned,
              {.choice = owned->choice,
               .reason = FinishReason::kError,
               .error = Error{.kind = ErrorKind::kInvalid,
                              .code = "grammar.stuck",
                              .message = "no token of the model's vocabulary goes on as the grammar wants"}});
}

void LocalEngine::finish(Sequence& sequence, FinishReason reason, std::string stop_text) {
  const auto owned = scheduler_.remove(&sequence, /*remember=*/true);
  send_finish(*owned, {.choice = owned->choice, .reason = reason, .stop_text = std::move(stop_text)});
}

void LocalEngine::drop(uint64_t request, FinishReason reason, const Error* error) {
  for (const auto& sequence : scheduler_.remove_request(request)) {
    FinishEvent event{.choice = sequence->choice, .reason = reason};
    if (error != nullptr) event.error = *error;
    send_finish(*sequence, std::move(event));
  }
}

void LocalEngine::drop_all() {
  while (!open_.empty()) drop(open_.begin()->first, FinishReason::kCancelled, nullptr);
}

void LocalEngine::drop_running(const Error& error) {
  std::vector<uint64_t> requests;
  for (const Sequence* sequence : scheduler_.running()) requests.push_back(sequence->request->id);
  if (requests.empty() && !open_.empty()) requests.push_back(std::ranges::min(std::views::keys(open_)));
  for (const uint64_t request : requests) drop(request, FinishReason::kError, &error);
}

void LocalEngine::drop_failed_sinks() {
  std::vector<uint64_t> failed;
  for (const auto& [id, request] : open_) {
    if (request->sink_failed) failed.push_back(id);
  }
  for (const uint64_t request : failed) drop(request, FinishReason::kCancelled, nullptr);
}

void LocalEngine::drop_overdue() {
  const auto now = Clock::now();
  std::vector<uint64_t> overdue;
  for (const auto& [id, request] : open_) {
    if (request->request.deadline && *request->request.deadline <= now) overdue.push_back(id);
  }
  const Error error{ErrorKind::kCancelled, "engine.deadline",
                    "the request's time limit passed before its answer was complete", ""};
  for (const uint64_t request : overdue) drop(request, FinishReason::kError, &error);
  if (overdue.empty()) return;
  const std::lock_guard lock(mutex_);
  stats_.deadlines_missed += overdue.size();
}

void LocalEngine::send_finish(Sequence& sequence, FinishEvent event) {
  RequestState& request = *sequence.request;
  event.completion_tokens = sequence.drawn;
  event.drafted_tokens = sequence.speculation.drafted;
  event.accepted_tokens = sequence.speculation.accepted;
  event.thinking_tokens = sequence.thinking.tokens();
  const FinishReason reason = event.reason;
  if (reason == FinishReason::kStop || reason == FinishReason::kLength) {
    constexpr double kNew = 0.1;  // weight of the newest in the mean
    const double held = request.taken_in ? seconds_between(*request.taken_in, Clock::now()) : 0;
    const std::lock_guard lock(mutex_);
    answer_lengths_.observe(request.request.tenant, sequence.drawn);
    pace_.choice_seconds += (pace_.choice_seconds == 0 ? 1 : kNew) * (held - pace_.choice_seconds);
  }
  notify(request, [&](EventSink& sink) { sink.finish(std::move(event)); });
  if (--request.open_choices == 0) close(request, reason);
}

void LocalEngine::close(RequestState& request, FinishReason reason) {
  request.sink.reset();
  const uint64_t id = request.id;
  open_.erase(id);
  const std::lock_guard lock(mutex_);
  ++(reason == FinishReason::kCancelled ? stats_.requests_cancelled : stats_.requests_finished);
  --open_requests_;
}

}  // namespace pingti
