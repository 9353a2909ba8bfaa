// How an endpoint shapes its answer. Made for one request; called by one thread at a time, in the order
// begin, parts, end (or error).
#pragma once

#include <string>
#include <vector>

#include "wire/api_error.h"
#include "wire/responses.h"

namespace pingti {

class AnswerWriter {
 public:
  virtual ~AnswerWriter() = default;

  // The answer in one piece.
  virtual wire::Json whole(const std::vector<wire::ChoicePart>& choices, const wire::Usage& usage) = 0;

  // The answer as server-sent events: the text of those that each step adds, maybe none. usage: so far.
  virtual std::string begin() { return {}; }
  // first: of this choice.
  virtual std::string part(const wire::ChoicePart& part, bool first, const wire::Usage& usage) = 0;
  virtual std::string end(const wire::Usage& usage) = 0;
  virtual std::string error(const wire::ApiError& error) { return wire::sse_event(wire::error_body(error)); }
  // Sent while there is nothing else to send.
  virtual std::string keep_alive() const { return ": keep-alive\n\n"; }
};

}  // namespace pingti
