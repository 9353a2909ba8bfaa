// The bodies of /tokenize, /detokenize, /apply-template, /infill and /rerank, as llama-server and vLLM name
// their fields.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wire/chat_request.h"
#include "wire/request_fields.h"
#include "wire/schema.h"

namespace pingti::wire {

struct TokenizeRequest {
  std::string model;
  // llama-server's "content" or vLLM's "prompt" or "messages".
  bool vllm = false;
  std::string text;
  std::optional<ChatRequest> chat;
  bool add_generation_prompt = true;
  bool add_special = false;
  bool parse_special = true;
  bool with_pieces = false;  // the answer shows what each token stands for
};
ApiResult<TokenizeRequest> parse_tokenize_request(std::string_view body);
Json tokenize_request_schema();

struct DetokenizeRequest {
  std::string model;
  std::vector<int32_t> tokens;
};
ApiResult<DetokenizeRequest> parse_detokenize_request(std::string_view body);
Json detokenize_request_schema();

struct InfillRequest {
  CommonFields common;
  std::string prefix;
  std::string suffix;
  std::string prompt;                                      // how the answer begins
  std::vector<std::pair<std::string, std::string>> extra;  // names and texts of other files
  int64_t max_tokens = -1;
};
ApiResult<InfillRequest> parse_infill_request(std::string_view body);
Json infill_request_schema();

struct RerankRequest {
  std::string model;
  std::string query;
  std::vector<std::string> documents;
};
ApiResult<RerankRequest> parse_rerank_request(std::string_view body);
Json rerank_request_schema();

}  // namespace pingti::wire
