// <tool_call>{"name": ..., "arguments": {...}}</tool_call>, one block per call: Hermes 2 Pro, Qwen2.5, Qwen3,
// SmolLM3 and many others. The generic format is the same for templates that know nothing of tools.
#include "wire/tools/tool_format.h"

namespace pingti::wire {
namespace {

constexpr std::string_view kMarkers[] = {"<tool_call>"};
constexpr std::string_view kClose = "</tool_call>";

CallHead head(std::string_view text, bool) { return json_call_head(text, /*strict=*/false); }

// What models add by mistake before the closing marker (one brace too many) is dropped; a marker left out is
// no harm.
CallTail tail(std::string_view text) {
  TextCursor cursor{text};
  const Match object = json_call_tail(&cursor);
  const size_t close = text.find(kClose, cursor.at);
  const size_t next = text.find(kMarkers[0], cursor.at);
  if (close < next) return {CallTail::Status::kText, close + kClose.size()};
  if (next != std::string_view::npos) return {CallTail::Status::kText, next};
  return {CallTail::Status::kMore, object == Match::kMore ? text.size() : cursor.at};
}

constexpr CallSyntax kSyntax{.markers = kMarkers, .head = head, .tail = tail, .stop = kClose};
constexpr CallText kText{.before_name = "<tool_call>\n{\"name\": \"",
                         .before_arguments = "\", \"arguments\": ",
                         .after = "}\n</tool_call>",
                         .separator = "\n"};

// Qwen3-Coder and GLM write other things between these markers.
bool spoken_by(std::string_view chat_template) {
  return chat_template.contains("<tool_call>") && !chat_template.contains("<function=") &&
         !chat_template.contains("<arg_key>");
}

bool by_all(std::string_view) { return true; }

}  // namespace

extern const ToolFormat kHermesToolFormat;
const ToolFormat kHermesToolFormat{"hermes", spoken_by, kSyntax, kText};
extern const ToolFormat kGenericToolFormat;
const ToolFormat kGenericToolFormat{"generic", by_all, kSyntax, kText};

}  // namespace pingti::wire
