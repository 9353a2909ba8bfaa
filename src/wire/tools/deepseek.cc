// DeepSeek's own tokens. V3 and R1: a call is TYPE<sep>NAME, the arguments in a fenced block; from V3.1 on
// NAME<sep>ARGUMENTS. Both are read, whichever the template shows.
#include "wire/tools/tool_format.h"

namespace pingti::wire {
namespace {

using Status = CallHead::Status;

constexpr std::string_view kCallsBegin = "<｜tool▁calls▁begin｜>";
constexpr std::string_view kCallsEnd = "<｜tool▁calls▁end｜>";
constexpr std::string_view kCallBegin = "<｜tool▁call▁begin｜>";
constexpr std::string_view kCallEnd = "<｜tool▁call▁end｜>";
constexpr std::string_view kSeparator = "<｜tool▁sep｜>";
constexpr std::string_view kMarkers[] = {kCallsBegin};

// NAME, a line break, ```json, and the arguments.
CallHead fenced_head(TextCursor cursor) {
  const size_t line = cursor.text.find('\n', cursor.at);
  if (line == std::string_view::npos) return {};
  CallHead head{.name = std::string(cursor.text.substr(cursor.at, line - cursor.at))};
  while (head.name.ends_with(' ') || head.name.ends_with('\r')) head.name.pop_back();
  cursor.at = line;
  cursor.skip_space();
  const Match fence = cursor.take("```json");
  if (fence == Match::kMore) return {};
  cursor.skip_space();
  if (cursor.at_end()) return {};
  const bool call = fence == Match::kYes && !head.name.empty() && cursor.peek() == '{';
  head.status = call ? Status::kCall : Status::kNone;
  head.end = cursor.at;
  return head;
}

CallHead head(std::string_view text, bool first) {
  TextCursor cursor{text};
  cursor.skip_space();
  if (!first) {
    if (const Match end = cursor.take(kCallsEnd); end != Match::kNo) {
      return {.status = end == Match::kYes ? Status::kEnd : Status::kMore, .end = cursor.at};
    }
  }
  if (const Match begin = cursor.take(kCallBegin); begin != Match::kYes)
    return {.status = begin == Match::kMore ? Status::kMore : Status::kNone};
  const size_t separator = text.find(kSeparator, cursor.at);
  if (separator == std::string_view::npos) return {};
  std::string before(text.substr(cursor.at, separator - cursor.at));
  cursor.at = separator + kSeparator.size();
  cursor.skip_space();
  if (cursor.at_end()) return {};
  if (cursor.peek() != '{') return fenced_head(cursor);
  return {
      .status = before.empty() ? Status::kNone : Status::kCall, .name = std::move(before), .end = cursor.at};
}

CallTail tail(std::string_view text) {
  TextCursor cursor{text};
  for (std::string_view part : {std::string_view("```"), kCallEnd}) {
    cursor.skip_space();
    if (cursor.take(part) == Match::kMore) return {CallTail::Status::kMore, cursor.at};
  }
  return {CallTail::Status::kNextCall, cursor.at};
}

constexpr std::string_view kOthers[] = {kCallBegin, kCallEnd, kCallsEnd, kSeparator};
constexpr CallSyntax kSyntax{
    .markers = kMarkers, .head = head, .tail = tail, .others = kOthers, .stop = kCallEnd};

bool spoken_by(std::string_view chat_template) { return chat_template.contains(kCallBegin); }
bool v31_spoken_by(std::string_view chat_template) {
  return spoken_by(chat_template) && !chat_template.contains("```json");
}

}  // namespace

extern const ToolFormat kDeepSeekToolFormat;
const ToolFormat kDeepSeekToolFormat{"deepseek",
                                     spoken_by,
                                     kSyntax,
                                     {.begin = kCallsBegin,
                                      .before_name = "<｜tool▁call▁begin｜>function<｜tool▁sep｜>",
                                      .before_arguments = "\n```json\n",
                                      .after = "\n```<｜tool▁call▁end｜>",
                                      .separator = "\n",
                                      .end = kCallsEnd}};
extern const ToolFormat kDeepSeekV31ToolFormat;
const ToolFormat kDeepSeekV31ToolFormat{"deepseek-v3.1",
                                        v31_spoken_by,
                                        kSyntax,
                                        {.begin = kCallsBegin,
                                         .before_name = kCallBegin,
                                         .before_arguments = kSeparator,
                                         .after = kCallEnd,
                                         .end = kCallsEnd}};

}  // namespace pingti::wire
