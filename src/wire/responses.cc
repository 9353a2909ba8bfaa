#include "wire/responses.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace pingti::wire {
namespace {

Json head_fields(const AnswerHead& head, const char* object) {
  Json fields = {{"id", head.id},
                 {"object", object},
                 {"created", head.created},
                 {"model", head.model},
                 {"system_fingerprint", head.fingerprint}};
  if (!head.service_tier.empty()) fields["service_tier"] = head.service_tier;
  return fields;
}

Json or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

// JSON has no infinity: a token that cannot come gets the API's customary -9999.
float finite(float logprob) { return std::isfinite(logprob) ? logprob : -9999.0f; }

Json chat_token(const std::string& bytes, float logprob) {
  Json values = Json::array();
  for (char byte : bytes) values.push_back(static_cast<unsigned char>(byte));
  return {{"token", bytes}, {"logprob", finite(logprob)}, {"bytes", std::move(values)}};
}

Json chat_logprobs(const ChoicePart& part) {
  if (!part.logprobs) return nullptr;
  return {{"content", chat_scores(*part.logprobs)}, {"refusal", nullptr}};
}

// The API spells tokens that are not text "bytes:\\xe2\\x80".
std::string spelled(const std::string& bytes) {
  try {
    Json(bytes).dump();
    return bytes;
  } catch (const Json::type_error&) {
    std::string text = "bytes:";
    for (char byte : bytes) text += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
    return text;
  }
}

Json completion_logprobs(const ChoicePart& part) {
  if (!part.logprobs) return nullptr;
  Json tokens = Json::array();
  Json scores = Json::array();
  Json tops = Json::array();
  Json offsets = Json::array();
  size_t offset = part.text_offset;
  for (const TokenScore& score : *part.logprobs) {
    tokens.push_back(spelled(score.bytes));
    offsets.push_back(offset);
    offset += characters(score.bytes);
    scores.push_back(score.logprob ? Json(finite(*score.logprob)) : Json(nullptr));
    Json top = nullptr;
    if (score.logprob) {
      top = Json::object();
      for (const Alternative& other : score.top) top.emplace(spelled(other.bytes), finite(other.logprob));
    }
    tops.push_back(std::move(top));
  }
  return {{"tokens", std::move(tokens)},
          {"token_logprobs", std::move(scores)},
          {"top_logprobs", std::move(tops)},
          {"text_offset", std::move(offsets)}};
}

// DeepSeek's name and the one of OpenRouter and newer vLLM: clients know one or the other.
void put_reasoning(const std::string& reasoning, Json* message) {
  if (reasoning.empty()) return;
  (*message)["reasoning_content"] = reasoning;
  (*message)["reasoning"] = reasoning;
}

Json whole_calls(const std::vector<ToolCallPart>& calls) {
  Json list = Json::array();
  for (const ToolCallPart& call : calls) {
    list.push_back({{"id", call.id},
                    {"type", "function"},
                    {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
  }
  return list;
}

Json call_deltas(const std::vector<ToolCallPart>& calls) {
  Json list = Json::array();
  for (const ToolCallPart& call : calls) {
    Json delta{{"index", call.index}};
    if (!call.name.empty()) {
      delta["id"] = call.id;
      delta["type"] = "function";
      delta["function"]["name"] = call.name;
    }
    delta["function"]["arguments"] = call.arguments;
    list.push_back(std::move(delta));
  }
  return list;
}

Json whole_message(const ChoicePart& part) {
  const bool calls = !part.tool_calls.empty();
  Json message{{"role", "assistant"}};
  put_reasoning(part.reasoning, &message);
  message["content"] = calls && part.text.empty() ? Json(nullptr) : Json(part.text);
  message["refusal"] = nullptr;
  if (calls) message["tool_calls"] = whole_calls(part.tool_calls);
  return message;
}

Json completion_choice(const ChoicePart& part) {
  return {{"index", part.index},
          {"text", part.text},
          {"logprobs", completion_logprobs(part)},
          {"finish_reason", or_null(part.finish_reason)}};
}

}  // namespace

Json chat_scores(const std::vector<TokenScore>& scores) {
  Json content = Json::array();
  for (const TokenScore& score : scores) {
    Json token = chat_token(score.bytes, score.logprob.value_or(0));
    token["top_logprobs"] = Json::array();
    for (const Alternative& other : score.top)
      token["top_logprobs"].push_back(chat_token(other.bytes, other.logprob));
    content.push_back(std::move(token));
  }
  return content;
}

Json usage_fields(const Usage& usage) {
  return {{"prompt_tokens", usage.prompt_tokens},
          {"completion_tokens", usage.completion_tokens},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
          {"prompt_tokens_details", {{"cached_tokens", usage.cached_tokens}}},
          {"prompt_cache_hit_tokens", usage.cached_tokens},  // DeepSeek's names
          {"prompt_cache_miss_tokens", usage.prompt_tokens - usage.cached_tokens},
          {"completion_tokens_details", {{"reasoning_tokens", usage.reasoning_tokens}}}};
}

Json chat_answer(const AnswerHead& head, const std::vector<ChoicePart>& choices, const Usage& usage) {
  Json answer = head_fields(head, "chat.completion");
  answer["choices"] = Json::array();
  for (const ChoicePart& part : choices) {
    answer["choices"].push_back({{"index", part.index},
                                 {"message", whole_message(part)},
                                 {"logprobs", chat_logprobs(part)},
                                 {"finish_reason", or_null(part.finish_reason)}});
  }
  answer["usage"] = usage_fields(usage);
  return answer;
}

Json chat_chunk(const AnswerHead& head, const ChoicePart& part, bool first) {
  Json chunk = head_fields(head, "chat.completion.chunk");
  Json delta = Json::object();
  if (first) delta["role"] = "assistant";
  const bool other = !part.reasoning.empty() || !part.tool_calls.empty();
  put_reasoning(part.reasoning, &delta);
  if (!part.text.empty() || (first && !other)) {
    delta["content"] = part.text;
  } else if (first) {
    delta["content"] = nullptr;
  }
  if (!part.tool_calls.empty()) delta["tool_calls"] = call_deltas(part.tool_calls);
  chunk["choices"] = Json::array({Json{{"index", part.index},
                                       {"delta", std::move(delta)},
                                       {"logprobs", chat_logprobs(part)},
                                       {"finish_reason", or_null(part.finish_reason)}}});
  return chunk;
}

Json chat_usage_chunk(const AnswerHead& head, const Usage& usage) {
  Json chunk = head_fields(head, "chat.completion.chunk");
  chunk["choices"] = Json::array();
  chunk["usage"] = usage_fields(usage);
  return chunk;
}

Json completion_answer(const AnswerHead& head, const std::vector<ChoicePart>& choices, const Usage& usage) {
  Json answer = head_fields(head, "text_completion");
  answer["choices"] = Json::array();
  for (const ChoicePart& part : choices) answer["choices"].push_back(completion_choice(part));
  answer["usage"] = usage_fields(usage);
  return answer;
}

Json completion_chunk(const AnswerHead& head, const ChoicePart& part, bool) {
  Json chunk = head_fields(head, "text_completion");
  chunk["choices"] = Json::array({completion_choice(part)});
  return chunk;
}

Json completion_usage_chunk(const AnswerHead& head, const Usage& usage) {
  Json chunk = head_fields(head, "text_completion");
  chunk["choices"] = Json::array();
  chunk["usage"] = usage_fields(usage);
  return chunk;
}

size_t characters(std::string_view bytes) {
  return static_cast<size_t>(
      std::ranges::count_if(bytes, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string sse_event(std::string_view name, const Json& data) {
  return fmt::format("event: {}\ndata: {}\n\n", name, to_text(data));
}

std::string sse_event(const Json& data) { return "data: " + to_text(data) + "\n\n"; }

}  // namespace pingti::wire
