// POST /v1/completions: the request body.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "wire/api_error.h"
#include "wire/request_fields.h"

namespace pingti::wire {

using Prompt = std::variant<std::string, std::vector<int32_t>>;  // text, or token ids

struct CompletionRequest {
  CommonFields common;
  std::vector<Prompt> prompts;  // at least one; each has common.n choices
  std::string suffix;           // fill in the middle; empty: none
  bool echo = false;            // the prompt comes first in the answer
  int64_t max_tokens = 16;
  int top_logprobs = -1;  // -1: no logprobs
};

constexpr size_t kMostPrompts = 1024;

ApiResult<CompletionRequest> parse_completion_request(std::string_view body);

}  // namespace pingti::wire
