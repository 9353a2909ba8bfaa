// Tells content and tool calls apart, by a format's CallSyntax.
//
// A call begins once its name has been read and its arguments' object opens; until then what does not fit
// goes back to the content, marker included. Arguments are passed on as the model writes them: where they are
// not JSON, or the answer is cut off, the client gets them so, as from OpenAI. Space between content and a
// call and between calls is dropped.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "wire/output_splitter.h"
#include "wire/tools/call_syntax.h"
#include "wire/tools/json_scanner.h"

namespace pingti::wire {

class CallSplitter final : public OutputSplitter {
 public:
  // known_names: a call without a marker must name one of them.
  CallSplitter(const CallSyntax& syntax, std::vector<std::string> known_names);

  void push(std::string_view text, std::vector<OutputPart>* out) override;
  void finish(std::vector<OutputPart>* out) override;
  size_t settled() const override { return offset_; }

 private:
  enum class Mode { kText, kHead, kArguments, kBroken, kTail };
  using Parts = std::vector<OutputPart>;

  // Each does what the buffer allows; false: more text is needed.
  bool step(Parts* out);
  bool read_text(Parts* out);
  bool read_head(Parts* out);
  bool read_arguments(Parts* out);
  bool read_broken(Parts* out);
  bool read_tail(Parts* out);

  bool is_known(const std::string& name) const;
  void no_call(Parts* out);
  void begin_call(CallHead head, Parts* out);
  void end_call(Parts* out);
  void consume(size_t bytes);
  void content(size_t bytes, Parts* out);
  void arguments(std::string text, Parts* out);

  const CallSyntax& syntax_;
  std::vector<std::string> known_names_;
  Mode mode_ = Mode::kText;
  std::string buffer_;    // not yet decided
  size_t offset_ = 0;     // of buffer_ in the choice's text
  bool over_ = false;     // no more text comes
  bool at_start_ = true;  // nothing but space has come
  bool after_call_ = false;
  bool first_ = true;   // kHead: the section's first call
  bool bare_ = false;   // of a section without a marker
  size_t opening_ = 0;  // kHead: bytes of space and marker at the buffer's start
  int calls_ = 0;
  JsonScanner scanner_;
};

// Bytes at the end of `text` that have to wait: the beginning of a marker, and the space before it. Up to 256
// bytes of space wait.
size_t bytes_to_hold(std::string_view text, std::span<const std::string_view> markers);
// Where the space that ends text[0, end) begins; it is never longer than 256 bytes.
size_t space_before(std::string_view text, size_t end);

}  // namespace pingti::wire
