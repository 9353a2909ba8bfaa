// Arbitrary bytes as bodies of both completion requests: parsed, and errors written, without a crash.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "wire/chat_request.h"
#include "wire/completion_request.h"

using namespace pingti::wire;

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
  return 0;
}
