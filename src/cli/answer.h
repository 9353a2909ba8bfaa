// One request to an engine, its answer shown as it comes: what run and chat share.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/engine.h"

namespace pingti {

struct AnswerSummary {
  std::string text;
  FinishReason reason = FinishReason::kStop;
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;
  int64_t answer_tokens = 0;
  int64_t drafted_tokens = 0;   // guessed by speculation
  int64_t accepted_tokens = 0;  // of those, right
  double prompt_seconds = 0;    // until the prompt was computed
  double answer_seconds = 0;    // from then on
};

struct AnswerCallbacks {
  std::function<void(std::string_view)> show;  // called on the caller's thread
  std::function<bool()> interrupted;           // polled; true cancels the answer
};

// Blocks until the answer (of one choice) is over. A step that failed is an error.
Result<AnswerSummary> stream_answer(Engine& engine, GenerationRequest request,
                                    const AnswerCallbacks& callbacks);

// "prompt 512 tokens (480 cached), 95.2 tok/s; answer 64 tokens, 31.0 tok/s (30 of 35 guesses right)".
std::string speed_line(const AnswerSummary& summary);

}  // namespace pingti
