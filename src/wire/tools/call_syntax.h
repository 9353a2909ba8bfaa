// How a format's tool calls are read: what a CallSplitter asks of a format.
//
// All functions look at text that may still grow, say kMore where its continuation decides, and are called
// again with more of it. None keeps anything.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "wire/tools/text_cursor.h"

namespace pingti::wire {

// What stands before a call's arguments.
struct CallHead {
  enum class Status {
    kMore,
    kNone,  // this is no call
    kCall,
    kEnd,  // no further call: the section ends
  };
  Status status = Status::kMore;
  std::string name;
  size_t end =
      0;  // kCall: where the arguments' object begins, or ends if `arguments` holds it; kEnd: of the section
  std::optional<std::string> arguments;  // JSON text, where it had to be read whole
};

// What stands after a call's arguments.
struct CallTail {
  enum class Status { kMore, kNextCall, kText };
  Status status = Status::kMore;
  size_t end = 0;
};

struct CallSyntax {
  std::span<const std::string_view> markers;  // one of them opens a section of calls
  bool bare = false;                          // an answer that starts with '{' may be a call without a marker
  // `text` begins behind the marker (bare: at the '{'), or behind the tail of the call before.
  CallHead (*head)(std::string_view text, bool first);
  CallTail (*tail)(std::string_view text);
  std::span<const std::string_view> others;  // further texts that may be special tokens
  std::string_view stop;  // ends a call whose arguments are not JSON; empty: the answer's end does
};

// {"name": NAME, "arguments": {...}}, the arguments perhaps called "parameters", perhaps a string that holds
// them. strict: no members but these, "id" and "type".
CallHead json_call_head(std::string_view text, bool strict);
// The rest of that object after the arguments: `end` is behind its '}'. kNo: it does not end so.
Match json_call_tail(TextCursor* cursor);

}  // namespace pingti::wire
