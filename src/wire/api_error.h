// What went wrong with a request, as the OpenAI API says it:
// {"error": {"message", "type", "param", "code"}}, here with further members where a program can use them.
#pragma once

#include <expected>
#include <string>

#include "base/result.h"
#include "wire/json.h"

namespace pingti::wire {

struct ApiError {
  int status = 400;
  std::string message;
  std::string type = "invalid_request_error";
  std::string param;            // the field at fault, "messages[1].content"; empty: null
  std::string code;             // empty: null
  Json extra;                   // further members of the error object; an object or null
  int retry_after_seconds = 0;  // for 429 and 503
};

template <class T>
using ApiResult = std::expected<T, ApiError>;

// 400 "invalid_value" at a field.
ApiError invalid_field(std::string param, std::string message);
// 400 "unsupported_parameter".
ApiError unsupported_field(std::string param, std::string message);
// 408 "deadline_exceeded": the time limit that the request set has passed.
ApiError deadline_exceeded();
ApiError unavailable(std::string code, std::string message, int retry_after_seconds);

// kInvalid, kUnsupported: 400; kNotFound: 404; kTooLarge: 413; kExhausted, kCancelled: 503; others: 500.
ApiError from_error(const Error& error);

Json error_body(const ApiError& error);

}  // namespace pingti::wire
