// The answer of /v1/responses: whole and as events.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/api_error.h"
#include "wire/responses.h"

namespace pingti::wire {

// Shapes one answer. Items in their order: reasoning, message, function calls; a change of kind begins a new
// item. One thread at a time.
class ResponsesAnswer {
 public:
  // fields: what the answer repeats of the request. new_id: "msg_" -> an id of that kind.
  ResponsesAnswer(AnswerHead head, Json fields, std::function<std::string(std::string_view)> new_id)
      : head_(std::move(head)), fields_(std::move(fields)), new_id_(std::move(new_id)) {}

  Json whole(const ChoicePart& choice, const Usage& usage);

  std::string begin();
  std::string part(const ChoicePart& part);
  std::string end(const Usage& usage);
  std::string error(const ApiError& error);

  // The finished response, after whole() or end().
  const Json& response() const { return response_; }

 private:
  enum class Kind { kNone, kReasoning, kMessage, kCall };

  std::string add(const ChoicePart& part);
  std::string open(Kind kind, Json item);
  std::string close(const char* status);
  std::string text_delta(const char* event, const std::string& text, Json logprobs);
  std::string event(const char* type, Json fields);
  Json state(const char* status) const;
  Json finished(const ChoicePart& last, const Usage& usage);
  Json content_of(const Json& item) const;

  AnswerHead head_;
  Json fields_;
  std::function<std::string(std::string_view)> new_id_;
  Json output_ = Json::array();  // the last item may be open
  Kind kind_ = Kind::kNone;
  int call_ = -1;
  int64_t sequence_ = 0;
  ChoicePart last_;
  Json response_;
};

}  // namespace pingti::wire
