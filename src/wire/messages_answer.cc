#include "wire/messages_answer.h"

namespace pingti::wire {
namespace {

const char* error_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 503:
      return "overloaded_error";
    default:
      return status < 500 ? "invalid_request_error" : "api_error";
  }
}

// Tokens from the cache are counted apart.
Json usage_of(const Usage& usage) {
  return {{"input_tokens", usage.prompt_tokens - usage.cached_tokens},
          {"cache_creation_input_tokens", 0},
          {"cache_read_input_tokens", usage.cached_tokens},
          {"output_tokens", usage.completion_tokens}};
}

// What the model wrote, if it is an object; the wire has no other kind of input.
Json input_of(const std::string& arguments) {
  auto json = parse_json(arguments);
  if (json && json->is_object()) return *std::move(json);
  return Json::object();
}

Json use_block(const ToolCallPart& call, Json input) {
  return {{"type", "tool_use"}, {"id", call.id}, {"name", call.name}, {"input", std::move(input)}};
}

}  // namespace

Json messages_error(const ApiError& error, const std::string& request_id) {
  Json inner = error_body(error)["error"];
  inner["type"] = error_type(error.status);
  return {{"type", "error"}, {"error", std::move(inner)}, {"request_id", request_id}};
}

Json MessagesAnswer::message(Json content) const {
  return {{"id", head_.id},
          {"type", "message"},
          {"role", "assistant"},
          {"model", head_.model},
          {"content", std::move(content)},
          {"stop_reason", nullptr},
          {"stop_sequence", nullptr}};
}

Json MessagesAnswer::stop_reason(const ChoicePart& last, const Usage& usage) const {
  const bool context_full = last.finish_reason == "length" && usage.completion_tokens < max_tokens_;
  Json reason = context_full                         ? "model_context_window_exceeded"
                : last.finish_reason == "length"     ? "max_tokens"
                : last.finish_reason == "tool_calls" ? "tool_use"
                : last.stop_text.empty()             ? "end_turn"
                                                     : "stop_sequence";
  return {{"stop_reason", std::move(reason)},
          {"stop_sequence", last.stop_text.empty() ? Json(nullptr) : Json(last.stop_text)}};
}

Json MessagesAnswer::whole(const ChoicePart& choice, const Usage& usage) const {
  Json content = Json::array();
  if (!choice.reasoning.empty())
    content.push_back({{"type", "thinking"}, {"thinking", choice.reasoning}, {"signature", ""}});
  if (!choice.text.empty()) content.push_back({{"type", "text"}, {"text", choice.text}});
  for (const ToolCallPart& call : choice.tool_calls)
    content.push_back(use_block(call, input_of(call.arguments)));
  Json answer = message(std::move(content));
  answer.update(stop_reason(choice, usage));
  answer["usage"] = usage_of(usage);
  return answer;
}

std::string MessagesAnswer::begin() const {
  Json start = message(Json::array());
  start["usage"] = usage_of({.prompt_tokens = prompt_tokens_});
  return sse_event("message_start", {{"type", "message_start"}, {"message", std::move(start)}});
}

std::string MessagesAnswer::open(Block block, Json content) {
  std::string events = close();
  block_ = block;
  ++index_;
  return events + sse_event("content_block_start", {{"type", "content_block_start"},
                                                    {"index", index_},
                                                    {"content_block", std::move(content)}});
}

std::string MessagesAnswer::close() {
  if (block_ == Block::kNone) return {};
  block_ = Block::kNone;
  return sse_event("content_block_stop", {{"type", "content_block_stop"}, {"index", index_}});
}

std::string MessagesAnswer::delta(Json delta) const {
  return sse_event("content_block_delta",
                   {{"type", "content_block_delta"}, {"index", index_}, {"delta", std::move(delta)}});
}

std::string MessagesAnswer::part(const ChoicePart& part) {
  std::string events;
  if (!part.reasoning.empty()) {
    if (block_ != Block::kThinking)
      events += open(Block::kThinking, {{"type", "thinking"}, {"thinking", ""}, {"signature", ""}});
    events += delta({{"type", "thinking_delta"}, {"thinking", part.reasoning}});
  }
  if (!part.text.empty()) {
    if (block_ != Block::kText) events += open(Block::kText, {{"type", "text"}, {"text", ""}});
    events += delta({{"type", "text_delta"}, {"text", part.text}});
  }
  for (const ToolCallPart& call : part.tool_calls) {
    if (block_ != Block::kToolUse || call.index != call_) {
      call_ = call.index;
      events += open(Block::kToolUse, use_block(call, Json::object()));
    }
    if (!call.arguments.empty())
      events += delta({{"type", "input_json_delta"}, {"partial_json", call.arguments}});
  }
  if (!part.finish_reason.empty()) last_ = part;
  return events;
}

std::string MessagesAnswer::end(const Usage& usage) {
  return close() +
         sse_event(
             "message_delta",
             {{"type", "message_delta"}, {"delta", stop_reason(last_, usage)}, {"usage", usage_of(usage)}}) +
         sse_event("message_stop", {{"type", "message_stop"}});
}

}  // namespace pingti::wire
