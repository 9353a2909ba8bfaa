// A choice's text, cut into what it is: reasoning, content, tool calls.
//
// A splitter sees the text of one choice in pieces of any size and hands out parts as soon as they are
// certain: the same parts, put together, however the text was cut into pieces. Nothing of a marker
// ("<think>",
// "<tool_call>") ever comes out, and what only began like one comes out as what it is. One thread at a time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pingti::wire {

struct OutputPart {
  enum class Kind {
    kReasoning,      // text: more of it
    kContent,        // text: more of it
    kCallBegin,      // text: the function's name
    kCallArguments,  // text: more of the arguments' JSON, as the model wrote it
    kCallEnd,
  };
  Kind kind = Kind::kContent;
  std::string text;
  int call = 0;      // kCall...: 0 for the first of the choice
  size_t begin = 0;  // kContent: where its text begins in the choice's own text, bytes; it is a piece of that

  bool operator==(const OutputPart&) const = default;
};

class OutputSplitter {
 public:
  virtual ~OutputSplitter() = default;

  virtual void push(std::string_view text, std::vector<OutputPart>* out) = 0;
  // The text is over: what was held back.
  virtual void finish(std::vector<OutputPart>* out) = 0;
  // Bytes of the text, from its start, of which it is known what they are.
  virtual size_t settled() const = 0;
};

}  // namespace pingti::wire
