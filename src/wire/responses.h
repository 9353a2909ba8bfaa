// Answers as the OpenAI API shapes them: whole, and piece by piece.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/json.h"

namespace pingti::wire {

struct AnswerHead {
  std::string id;       // "chatcmpl-..." or "cmpl-..."
  int64_t created = 0;  // Unix time, seconds
  std::string model;
  std::string fingerprint;
  std::string service_tier;  // empty: not named in the answer
};

struct Usage {
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;  // of the prompt
  int64_t completion_tokens = 0;
  int64_t reasoning_tokens = 0;  // of the completion
};

struct Alternative {
  std::string bytes;  // may be part of a character
  float logprob = 0;
};

struct TokenScore {
  std::string bytes;
  std::optional<float> logprob;  // absent: the first token of an echoed prompt
  std::vector<Alternative> top;  // most likely first
};

// A tool call of a choice, or what one chunk adds to it.
struct ToolCallPart {
  int index = 0;          // of the call in its choice
  std::string id;         // id and name come with a call's first piece
  std::string name;       // of the function
  std::string arguments;  // JSON text
};

// One choice of an answer, or what one chunk adds to it.
struct ChoicePart {
  int index = 0;
  std::string reasoning;
  std::string text;  // comes after the reasoning and before the tool calls of the same part
  std::vector<ToolCallPart> tool_calls;
  std::optional<std::vector<TokenScore>> logprobs;
  size_t text_offset = 0;     // text completions: characters of the choice before these tokens
  std::string finish_reason;  // empty: not yet
  std::string stop_text;      // the stop string that ended it, if one did
  std::vector<float> embedding;
};

Json chat_answer(const AnswerHead& head, const std::vector<ChoicePart>& choices, const Usage& usage);
// first: also says that the assistant speaks.
Json chat_chunk(const AnswerHead& head, const ChoicePart& part, bool first);
Json chat_usage_chunk(const AnswerHead& head, const Usage& usage);

Json completion_answer(const AnswerHead& head, const std::vector<ChoicePart>& choices, const Usage& usage);
Json completion_chunk(const AnswerHead& head, const ChoicePart& part, bool first);
Json completion_usage_chunk(const AnswerHead& head, const Usage& usage);

// Scores as chat completions show them: {token, logprob, bytes, top_logprobs}.
Json chat_scores(const std::vector<TokenScore>& scores);
Json usage_fields(const Usage& usage);

// Characters that begin in these bytes: what text_offset counts.
size_t characters(std::string_view bytes);

// "data: {...}\n\n", with a name "event: NAME\ndata: {...}\n\n"
std::string sse_event(const Json& data);
std::string sse_event(std::string_view name, const Json& data);

}  // namespace pingti::wire
