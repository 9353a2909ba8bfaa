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
  bool add_special = true;      // text gets the special tokens the model begins or ends texts with
  int64_t best_of = 0;  // choices made for each prompt, of which the n likeliest are given; at least n
  int64_t max_tokens = 16;
  int top_logprobs = -1;  // -1: no logprobs
};

constexpr size_t kMostPrompts = 1024;

// A text, a list of texts, token ids or a list of lists of token ids under `name`; none is missing.
void read_prompts(FieldReader& fields, std::string_view name, size_t most, std::vector<Prompt>* out);

ApiResult<CompletionRequest> parse_completion_request(std::string_view body);

}  // namespace pingti::wire
