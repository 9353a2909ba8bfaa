// Anthropic's answer to a conversation: whole, as events, and errors.
#pragma once

#include <string>
#include <vector>

#include "wire/api_error.h"
#include "wire/responses.h"

namespace pingti::wire {

// {"type": "error", "error": {"type", "message", ...}, "request_id"}: the types go by the status, ours stay
// beside them as "code" and "param".
Json messages_error(const ApiError& error, const std::string& request_id);

// Shapes one answer. One thread at a time.
class MessagesAnswer {
 public:
  // max_tokens: as asked for; prompt_tokens: of the conversation.
  MessagesAnswer(AnswerHead head, int64_t max_tokens, int64_t prompt_tokens)
      : head_(std::move(head)), max_tokens_(max_tokens), prompt_tokens_(prompt_tokens) {}

  Json whole(const ChoicePart& choice, const Usage& usage) const;

  // The events: message_start; then content_block_start, deltas and content_block_stop for each block;
  // message_delta and message_stop.
  std::string begin() const;
  std::string part(const ChoicePart& part);
  std::string end(const Usage& usage);

 private:
  enum class Block { kNone, kThinking, kText, kToolUse };

  std::string open(Block block, Json content);
  std::string close();
  std::string delta(Json delta) const;
  Json stop_reason(const ChoicePart& last, const Usage& usage) const;
  Json message(Json content) const;

  AnswerHead head_;
  int64_t max_tokens_;
  int64_t prompt_tokens_;
  Block block_ = Block::kNone;
  int index_ = -1;  // of the block
  int call_ = -1;   // of the tool call in it
  ChoicePart last_;
};

}  // namespace pingti::wire
