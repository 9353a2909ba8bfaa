// [TOOL_CALLS][{"name": ..., "arguments": {...}}, ...] up to Mistral's tokenizer v7; from v11 on
// [TOOL_CALLS]NAME[ARGS]{...} per call, perhaps with [CALL_ID]ID before [ARGS]. Both are read, whichever the
// template shows.
#include "wire/tools/tool_format.h"

namespace pingti::wire {
namespace {

using Status = CallHead::Status;

constexpr std::string_view kMarkers[] = {"[TOOL_CALLS]"};
constexpr std::string_view kArguments = "[ARGS]";

// NAME[ARGS]{ or NAME[CALL_ID]ID[ARGS]{ or NAME{
CallHead named_head(TextCursor cursor) {
  const size_t end = cursor.text.find_first_of("[{ \n", cursor.at);
  CallHead head{.name = std::string(cursor.text.substr(cursor.at, end - cursor.at))};
  if (head.name.size() > 256) return {.status = Status::kNone};
  if (end == std::string_view::npos) return head;
  if (head.name.empty()) return {.status = Status::kNone};
  cursor.at = end;
  const Match id = cursor.take("[CALL_ID]");
  if (id == Match::kYes) cursor.at = std::min(cursor.text.find('[', cursor.at), cursor.text.size());
  const Match arguments = cursor.take(kArguments);
  cursor.skip_space();
  if (cursor.at_end() || id == Match::kMore || arguments == Match::kMore) return head;
  head.status = cursor.peek() == '{' ? Status::kCall : Status::kNone;
  head.end = cursor.at;
  return head;
}

CallHead head(std::string_view text, bool first) {
  TextCursor cursor{text};
  cursor.skip_space();
  if (cursor.at_end()) return {};
  const char opening = cursor.peek();
  if (first && opening != '[' && opening != '{') return named_head(cursor);
  if (first && opening == '[') ++cursor.at;
  CallHead head = json_call_head(text.substr(cursor.at), /*strict=*/false);
  head.end += cursor.at;
  return head;
}

// Behind the arguments of either kind: "}" and then "," or "]" in a list, nothing after a named call.
CallTail tail(std::string_view text) {
  TextCursor cursor{text};
  const Match object = json_call_tail(&cursor);
  if (object == Match::kMore) return {};
  if (object == Match::kNo) return {CallTail::Status::kText, 0};
  const size_t end = cursor.at;
  cursor.skip_space();
  if (cursor.at_end()) return {CallTail::Status::kMore, end};
  if (cursor.take(",") == Match::kYes) return {CallTail::Status::kNextCall, cursor.at};
  return {CallTail::Status::kText, cursor.take("]") == Match::kYes ? cursor.at : end};
}

constexpr std::string_view kOthers[] = {kArguments, "[CALL_ID]"};
constexpr CallSyntax kSyntax{
    .markers = kMarkers, .head = head, .tail = tail, .others = kOthers, .stop = kMarkers[0]};

bool spoken_by(std::string_view chat_template) { return chat_template.contains("[TOOL_CALLS]"); }
bool v11_spoken_by(std::string_view chat_template) {
  return spoken_by(chat_template) && chat_template.contains(kArguments);
}

}  // namespace

extern const ToolFormat kMistralToolFormat;
const ToolFormat kMistralToolFormat{"mistral",
                                    spoken_by,
                                    kSyntax,
                                    {.begin = "[TOOL_CALLS][",
                                     .before_name = "{\"name\": \"",
                                     .before_arguments = "\", \"arguments\": ",
                                     .after = "}",
                                     .separator = ", ",
                                     .end = "]"},
                                    9};
extern const ToolFormat kMistralV11ToolFormat;
const ToolFormat kMistralV11ToolFormat{
    "mistral-v11", v11_spoken_by, kSyntax, {.before_name = "[TOOL_CALLS]", .before_arguments = "[ARGS]"}, 9};

}  // namespace pingti::wire
