// One HTTP request's answer, from the engine's events to JSON or server-sent events.
//
// A request may hold several prompts, each an engine request with its own sink; prompt p's choice c is choice
// p * choices_per_prompt + c of the answer. Events arrive on the engine's thread and are only queued there; a
// worker thread, one at a time, turns them into text. The engine's requests are cancelled when the client
// leaves.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/engine.h"
#include "server/answer_writer.h"
#include "server/reply.h"
#include "server/served_model.h"
#include "wire/choice_output.h"
#include "wire/responses.h"

namespace pingti {

struct AnswerPlan {
  std::unique_ptr<AnswerWriter> writer;
  bool stream = false;
  bool logprobs = false;
  wire::OutputReading reading;
  bool show_stop = false;  // the stop string that ends a choice belongs to it
  // Of each prompt's choices the likeliest per token are given; all of them: 0. Not streamed; the requests
  // ask for logprobs.
  int best = 0;
  std::vector<GenerationRequest> requests;  // one per prompt, all with the same number of choices
  // With echo: each prompt, to come first in its choices. Empty: no echo.
  struct Echo {
    std::string text;
    std::vector<int32_t> ids;
  };
  std::vector<Echo> echo;
  std::unique_ptr<Place> place;  // null: run() reserves one, with the requests' own terms
};

class Answer : public std::enable_shared_from_this<Answer> {
 public:
  // Submits the plan's requests and answers through `reply`; errors are answered too.
  static void run(std::shared_ptr<Context> context, ServedModel model, std::shared_ptr<Reply> reply,
                  AnswerPlan plan);

  Answer(std::shared_ptr<Context> context, ServedModel model, std::shared_ptr<Reply> reply, AnswerPlan plan);

 private:
  using Clock = std::chrono::steady_clock;
  class Sink;
  struct Event {
    int prompt = 0;
    Clock::time_point at;
    std::variant<PromptEvent, TokenEvent, FinishEvent> what;
  };
  struct Choice {
    wire::ChoicePart part;  // gathered so far, when not streaming
    std::optional<wire::ChoiceOutput> output;
    size_t characters = 0;  // of the tokens so far
    int64_t tokens = 0;     // reported so far
    double logprob = 0;     // of these, summed; with plan.best
    bool opened = false;    // something was streamed
    bool finished = false;
    Clock::time_point first_token{};
    Clock::time_point last_token{};
  };

  bool submit_all();
  std::optional<wire::ApiError> take_place();
  void begin();
  void cancel_all();
  void push(Event event);
  void drain();
  void handle(const Event& event);
  void on_prompt(const Event& event, const PromptEvent& prompt);
  void on_tokens(const Event& event, const TokenEvent& tokens);
  void on_finish(const Event& event, const FinishEvent& finish);
  void emit(Choice& choice, wire::ChoicePart part);
  void observe(const Choice& choice) const;
  std::string lane_name(int prompt) const;
  void complete();
  std::vector<wire::ChoicePart> given_choices();
  void fail(const wire::ApiError& error);
  std::vector<wire::TokenScore> scores(const std::vector<TokenLogprobs>& logprobs) const;

  std::shared_ptr<Context> context_;
  ServedModel model_;
  Engine& engine_;
  ModelMetrics& metrics_;
  std::shared_ptr<Reply> reply_;
  AnswerPlan plan_;
  int choices_per_prompt_;
  std::vector<uint64_t> ids_;

  std::mutex mutex_;  // events_, begun_, draining_
  std::deque<Event> events_;
  bool begun_ = false;
  bool draining_ = false;

  // Touched only by drain(), before it by run().
  std::vector<Choice> choices_;
  size_t open_choices_;
  wire::Usage usage_;
  std::string out_;
  bool over_ = false;  // answered: further events only count
  bool first_token_seen_ = false;
};

}  // namespace pingti
