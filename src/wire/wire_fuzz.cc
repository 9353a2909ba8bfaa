// Arbitrary bytes as bodies of all requests: parsed, and errors written, without a crash.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "wire/chat_request.h"
#include "wire/completion_request.h"
#include "wire/embeddings.h"
#include "wire/messages_request.h"
#include "wire/responses_request.h"
#include "wire/text_requests.h"

using namespace pingti::wire;

namespace {

template <class T>
void check_error(const ApiResult<T>& parsed) {
  if (parsed) return;
  PT_CHECK(parsed.error().status == 400 && !parsed.error().message.empty());
  to_text(error_body(parsed.error()));
}

void parse_others(std::string_view body) {
  check_error(parse_embedding_request(body));
  check_error(parse_messages_request(body));
  check_error(parse_messages_request(body, /*count_only=*/true));
  check_error(parse_tokenize_request(body));
  check_error(parse_detokenize_request(body));
  check_error(parse_infill_request(body));
  check_error(parse_rerank_request(body));
  const auto responses = parse_responses_request(body);
  check_error(responses);
  if (responses) check_error(responses_chat(*responses, responses->items));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view body(reinterpret_cast<const char*>(data), size);
  auto chat = parse_chat_request(body);
  if (chat) {
    PT_CHECK(!chat->messages.empty() && chat->common.n >= 1 && chat->max_tokens != 0);
    to_text(chat->messages);
  } else {
    PT_CHECK(chat.error().status == 400 && !chat.error().message.empty());
    to_text(error_body(chat.error()));
  }
  auto completion = parse_completion_request(body);
  if (completion) {
    PT_CHECK(!completion->prompts.empty() && completion->max_tokens >= 0);
  } else {
    PT_CHECK(completion.error().status == 400 && !completion.error().message.empty());
    to_text(error_body(completion.error()));
  }
  parse_others(body);
  return 0;
}
