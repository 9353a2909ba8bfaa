#include "server/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <functional>
#include <span>

#include "server/prompts.h"
#include "text/tokenizer.h"

namespace pingti {
namespace {

const char* spelled(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kCancelled:
      return "abort";
    case FinishReason::kError:
      return "error";
  }
  return "error";
}

wire::ApiError shutting_down() { return wire::unavailable("draining", "The server is shutting down.", 5); }

wire::ApiError submit_error(const Error& error, const Engine& engine, const GenerationRequest& request) {
  wire::ApiError api = wire::from_error(error);
  if (error.code == "engine.context") {
    api = too_long(api.message, request.prompt.size(), engine.info().context);
  } else if (error.code == "engine.draining") {
    api = shutting_down();
  }
  return api;
}

}  // namespace

class Answer::Sink : public EventSink {
 public:
  Sink(std::shared_ptr<Answer> answer, int prompt) : answer_(std::move(answer)), prompt_(prompt) {}
  void prompt(PromptEvent event) override { answer_->push({prompt_, Clock::now(), std::move(event)}); }
  void tokens(TokenEvent event) override { answer_->push({prompt_, Clock::now(), std::move(event)}); }
  void finish(FinishEvent event) override {
    answer_->plan_.place->finished(static_cast<size_t>(prompt_));
    answer_->push({prompt_, Clock::now(), std::move(event)});
  }

 private:
  std::shared_ptr<Answer> answer_;
  int prompt_;
};

Answer::Answer(std::shared_ptr<Context> context, ServedModel model, std::shared_ptr<Reply> reply,
               AnswerPlan plan)
    : context_(std::move(context)),
      model_(std::move(model)),
      engine_(*model_.engine),
      metrics_(context_->metrics.model(model_.own_name)),
      reply_(std::move(reply)),
      plan_(std::move(plan)),
      choices_per_prompt_(plan_.requests.at(0).choices),
      choices_(plan_.requests.size() * static_cast<size_t>(choices_per_prompt_)),
      open_choices_(choices_.size()) {
  for (size_t i = 0; i < choices_.size(); ++i) {
    choices_[i].part.index = static_cast<int>(i);
    choices_[i].output.emplace(static_cast<int>(i), plan_.reading);
    if (plan_.logprobs) choices_[i].part.logprobs.emplace();
  }
}

void Answer::run(std::shared_ptr<Context> context, ServedModel model, std::shared_ptr<Reply> reply,
                 AnswerPlan plan) {
  auto answer =
      std::make_shared<Answer>(std::move(context), std::move(model), std::move(reply), std::move(plan));
  if (answer->submit_all()) {
    answer->begin();
  } else {
    answer->reply_.reset();
  }
}

std::optional<wire::ApiError> Answer::take_place() {
  if (!plan_.place) {
    const GenerationRequest& first = plan_.requests[0];
    auto place = model_.admission->reserve(
        {.prompts = static_cast<int64_t>(plan_.requests.size()),
         .choices = choices_per_prompt_,
         .max_tokens = first.max_tokens,
         .bulk = first.embed != Pooling::kNone,
         .terms = {.priority = first.priority, .tenant = first.tenant, .deadline = first.deadline}});
    if (!place) return place.error();
    plan_.place = *std::move(place);
  }
  return plan_.place->correct(&plan_.requests);
}

bool Answer::submit_all() {
  if (auto error = take_place()) {
    fail(*error);
    return false;
  }
  for (size_t i = 0; i < plan_.requests.size(); ++i) {
    GenerationRequest& request = plan_.requests[i];
    metrics_.request_params(request.choices, request.max_tokens);
    auto id = engine_.submit(request, std::make_shared<Sink>(shared_from_this(), static_cast<int>(i)));
    if (!id) {
      cancel_all();
      fail(id.error().code == "engine.queue_full" ? model_.admission->engine_queue_full(id.error().message)
                                                  : submit_error(id.error(), engine_, request));
      return false;
    }
    plan_.place->submitted(i);
    ids_.push_back(*id);
    request.prompt = {};
  }
  return true;
}

void Answer::begin() {
  if (plan_.stream) {
    reply_->start_events(plan_.writer->keep_alive());
    out_ += plan_.writer->begin();
  } else {
    reply_->expect_late_json();
  }
  reply_->on_disconnect([weak = weak_from_this()] {
    if (auto self = weak.lock()) self->cancel_all();
  });
  {
    std::lock_guard lock(mutex_);
    begun_ = draining_ = true;
  }
  drain();
}

void Answer::cancel_all() {
  for (uint64_t id : ids_) engine_.cancel(id);
}

void Answer::push(Event event) {
  {
    std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
    if (!begun_ || draining_) return;
    draining_ = true;
  }
  context_->http->run_on_worker([self = shared_from_this()] { self->drain(); });
}

void Answer::drain() {
  while (true) {
    std::deque<Event> events;
    {
      std::lock_guard lock(mutex_);
      if (events_.empty()) {
        draining_ = false;
        return;
      }
      events.swap(events_);
    }
    try {
      for (const Event& event : events) handle(event);
      if (!out_.empty()) reply_->write(std::exchange(out_, {}));
      if (over_ && plan_.stream) reply_->finish();
    } catch (const std::exception&) {  // memory ran out: the answer is cut off when the engine lets go of it
      over_ = true;
      cancel_all();
    }
    if (over_ && open_choices_ == 0) reply_.reset();
  }
}

void Answer::handle(const Event& event) {
  if (const auto* prompt = std::get_if<PromptEvent>(&event.what)) return on_prompt(event, *prompt);
  if (const auto* tokens = std::get_if<TokenEvent>(&event.what)) return on_tokens(event, *tokens);
  on_finish(event, std::get<FinishEvent>(event.what));
}

std::vector<wire::TokenScore> Answer::scores(const std::vector<TokenLogprobs>& logprobs) const {
  std::vector<wire::TokenScore> out;
  out.reserve(logprobs.size());
  for (const TokenLogprobs& token : logprobs) {
    wire::TokenScore score{token.chosen.bytes, token.chosen.logprob, {}};
    for (const TokenLogprobInfo& other : token.top) score.top.push_back({other.bytes, other.logprob});
    out.push_back(std::move(score));
  }
  return out;
}

void Answer::on_prompt(const Event& event, const PromptEvent& prompt) {
  usage_.prompt_tokens += prompt.prompt_tokens;
  usage_.cached_tokens += prompt.cached_tokens;
  metrics_.prompt(prompt.prompt_tokens, prompt.cached_tokens);
  metrics_.prompt_times(lane_name(event.prompt), prompt.queue_seconds, prompt.prefill_seconds);
  if (over_) return;
  choices_[static_cast<size_t>(event.prompt * choices_per_prompt_)].part.embedding = prompt.embedding;
  if (plan_.echo.empty()) return;
  const AnswerPlan::Echo& echo = plan_.echo[static_cast<size_t>(event.prompt)];
  for (int c = 0; c < choices_per_prompt_; ++c) {
    Choice& choice = choices_[static_cast<size_t>(event.prompt * choices_per_prompt_ + c)];
    wire::ChoicePart part{.index = choice.part.index, .text = echo.text};
    if (plan_.logprobs) {
      part.logprobs = scores(prompt.logprobs);
      part.logprobs->insert(part.logprobs->begin(),
                            {std::string(engine_.tokenizer().token_bytes(echo.ids[0])), std::nullopt, {}});
    }
    emit(choice, std::move(part));
  }
}

void Answer::on_tokens(const Event& event, const TokenEvent& tokens) {
  Choice& choice = choices_[static_cast<size_t>(event.prompt * choices_per_prompt_ + tokens.choice)];
  auto seconds = [](Clock::duration span) { return std::chrono::duration<double>(span).count(); };
  if (!std::exchange(first_token_seen_, true)) {
    metrics_.first_token(lane_name(event.prompt), seconds(event.at - reply_->arrived()));
  }
  if (choice.first_token == Clock::time_point{}) choice.first_token = event.at;
  if (choice.last_token != Clock::time_point{}) metrics_.inter_token(seconds(event.at - choice.last_token));
  choice.last_token = event.at;
  choice.tokens += std::ssize(tokens.tokens);
  usage_.completion_tokens += std::ssize(tokens.tokens);
  if (over_) return;
  if (plan_.best > 0) {
    for (const TokenLogprobs& token : tokens.logprobs)
      choice.logprob += static_cast<double>(token.chosen.logprob);
  }
  std::optional<std::vector<wire::TokenScore>> scored;
  if (plan_.logprobs) scored = scores(tokens.logprobs);
  for (wire::ChoicePart& part : choice.output->push(tokens.text, std::move(scored)))
    emit(choice, std::move(part));
}

void Answer::emit(Choice& choice, wire::ChoicePart part) {
  part.text_offset = choice.characters;
  if (part.logprobs) {
    for (const wire::TokenScore& score : *part.logprobs) choice.characters += wire::characters(score.bytes);
  }
  if (!plan_.stream) return wire::append(std::move(part), &choice.part);
  bool says_something = !part.text.empty() || !part.reasoning.empty() || !part.tool_calls.empty() ||
                        (part.logprobs && !part.logprobs->empty());
  if (!says_something && part.finish_reason.empty()) return;
  const bool first = !std::exchange(choice.opened, true);
  out_ += plan_.writer->part(part, first, usage_);
}

void Answer::on_finish(const Event& event, const FinishEvent& finish) {
  Choice& choice = choices_[static_cast<size_t>(event.prompt * choices_per_prompt_ + finish.choice)];
  usage_.completion_tokens += finish.completion_tokens - choice.tokens;
  usage_.reasoning_tokens += finish.thinking_tokens;
  choice.finished = true;
  --open_choices_;
  metrics_.choice_finished(spelled(finish.reason));
  observe(choice);
  if (!over_ && finish.reason == FinishReason::kError) {
    cancel_all();
    const Error error =
        finish.error.value_or(Error{.code = "engine.failed", .message = "The engine failed."});
    fail(error.code == "engine.deadline" ? wire::deadline_exceeded() : wire::from_error(error));
  } else if (!over_ && finish.reason == FinishReason::kCancelled) {
    cancel_all();
    fail(context_->draining ? shutting_down()
                            : wire::unavailable("cancelled", "The request was cancelled.", 1));
  } else if (!over_) {
    if (plan_.show_stop && !finish.stop_text.empty()) {
      for (wire::ChoicePart& part : choice.output->push(finish.stop_text, std::nullopt))
        emit(choice, std::move(part));
    }
    for (wire::ChoicePart& part : choice.output->finish(spelled(finish.reason))) {
      if (!part.finish_reason.empty()) part.stop_text = finish.stop_text;
      emit(choice, std::move(part));
    }
  }
  if (open_choices_ == 0) complete();
}

void Answer::observe(const Choice& choice) const {
  if (choice.tokens == 0) return;
  const double seconds = std::chrono::duration<double>(choice.last_token - choice.first_token).count();
  metrics_.decoded(seconds, choice.tokens);
}

std::string Answer::lane_name(int prompt) const {
  const auto& lanes = engine_.info().lanes;
  const auto lane = static_cast<size_t>(std::max(0, plan_.requests[static_cast<size_t>(prompt)].lane));
  return lane < lanes.size() ? lanes[lane].name : "all";
}

void Answer::complete() {
  double seconds = std::chrono::duration<double>(Clock::now() - reply_->arrived()).count();
  metrics_.request_finished(seconds, usage_.completion_tokens);
  model_.admission->answered(seconds);
  if (std::exchange(over_, true)) return;
  if (!plan_.stream) return reply_->json(200, plan_.writer->whole(given_choices(), usage_));
  out_ += plan_.writer->end(usage_);
}

std::vector<wire::ChoicePart> Answer::given_choices() {
  const auto per_token = [](const Choice& choice) {
    return choice.logprob / static_cast<double>(std::max<int64_t>(1, choice.tokens));
  };
  std::vector<wire::ChoicePart> parts;
  for (auto begin = choices_.begin(); begin != choices_.end(); begin += choices_per_prompt_) {
    std::span<Choice> group(begin, static_cast<size_t>(choices_per_prompt_));
    if (plan_.best > 0) {
      std::ranges::stable_sort(group, std::greater(), per_token);
      group = group.first(static_cast<size_t>(plan_.best));
    }
    for (Choice& choice : group) {
      parts.push_back(std::move(choice.part));
      if (plan_.best > 0) parts.back().index = static_cast<int>(parts.size()) - 1;
    }
  }
  return parts;
}

// Before begin() nothing was started, so that a refusal is an ordinary answer.
void Answer::fail(const wire::ApiError& error) {
  over_ = true;
  if (begun_ && plan_.stream) {
    out_ += plan_.writer->error(error);
  } else {
    reply_->error(error);
  }
}

}  // namespace pingti
