#include "wire/api_error.h"

namespace pingti::wire {

ApiError invalid_field(std::string param, std::string message) {
  return {.message = std::move(message), .param = std::move(param), .code = "invalid_value"};
}

ApiError unsupported_field(std::string param, std::string message) {
  return {.message = std::move(message), .param = std::move(param), .code = "unsupported_parameter"};
}

ApiError deadline_exceeded() {
  return {.status = 408,
          .message = "The request's time limit passed before its answer was complete.",
          .type = "timeout_error",
          .code = "deadline_exceeded"};
}

ApiError unavailable(std::string code, std::string message, int retry_after_seconds) {
  return {.status = 503,
          .message = std::move(message),
          .type = "unavailable_error",
          .code = std::move(code),
          .retry_after_seconds = retry_after_seconds};
}

ApiError from_error(const Error& error) {
  ApiError api{.message = error.message, .code = error.code};
  if (!error.hint.empty()) api.message += " (" + error.hint + ")";
  switch (error.kind) {
    case ErrorKind::kInvalid:
    case ErrorKind::kUnsupported:
      api.status = 400;
      break;
    case ErrorKind::kNotFound:
      api.status = 404;
      break;
    case ErrorKind::kTooLarge:
      api.status = 413;
      break;
    case ErrorKind::kExhausted:
    case ErrorKind::kCancelled:
      api.status = 503;
      api.type = "unavailable_error";
      api.retry_after_seconds = 1;
      break;
    default:
      api.status = 500;
      api.type = "server_error";
  }
  return api;
}

Json error_body(const ApiError& error) {
  auto or_null = [](const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); };
  Json inner = {{"message", error.message},
                {"type", error.type},
                {"param", or_null(error.param)},
                {"code", or_null(error.code)}};
  if (error.extra.is_object()) inner.update(error.extra);
  return {{"error", std::move(inner)}};
}

}  // namespace pingti::wire
