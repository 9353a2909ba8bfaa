// {"name": ..., "parameters": {...}} as the whole answer, or after <|python_tag|>; several joined by ';':
// Llama 3.1, 3.2 and 3.3. Without the tag an object counts as a call only if it names one of the request's
// tools and has no other members.
#include "wire/tools/tool_format.h"

namespace pingti::wire {
namespace {

constexpr std::string_view kMarkers[] = {"<|python_tag|>"};

CallHead head(std::string_view text, bool) {
  TextCursor cursor{text};
  cursor.skip_space();
  if (cursor.take(kMarkers[0]) == Match::kMore) return {};
  CallHead head = json_call_head(text.substr(cursor.at), /*strict=*/true);
  head.end += cursor.at;
  return head;
}

CallTail tail(std::string_view text) {
  TextCursor cursor{text};
  if (json_call_tail(&cursor) == Match::kMore) return {};
  const size_t end = cursor.at;
  cursor.skip_space();
  if (cursor.at_end()) return {CallTail::Status::kMore, end};
  if (cursor.take(";") == Match::kYes || cursor.take(",") == Match::kYes) cursor.skip_space();
  if (cursor.at_end()) return {CallTail::Status::kMore, end};
  const Match tag = TextCursor(cursor).take(kMarkers[0]);
  if (tag == Match::kMore) return {CallTail::Status::kMore, end};
  if (tag == Match::kNo && cursor.peek() != '{') return {CallTail::Status::kText, end};
  return {CallTail::Status::kNextCall, cursor.at};
}

bool spoken_by(std::string_view chat_template) {
  return chat_template.contains("<|start_header_id|>") &&
         (chat_template.contains("<|python_tag|>") || chat_template.contains("\"parameters\": ") ||
          chat_template.contains("\\\"parameters\\\": "));
}

}  // namespace

extern const ToolFormat kLlama3ToolFormat;
const ToolFormat kLlama3ToolFormat{"llama3",
                                   spoken_by,
                                   {.markers = kMarkers, .bare = true, .head = head, .tail = tail},
                                   {.before_name = "{\"name\": \"",
                                    .before_arguments = "\", \"parameters\": ",
                                    .after = "}",
                                    .separator = "; "}};

}  // namespace pingti::wire
