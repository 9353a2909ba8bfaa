// One choice of an answer as it comes from the engine, to the parts that the wire knows.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "wire/output_splitter.h"
#include "wire/responses.h"

namespace pingti::wire {

// How the choices of an answer are read.
struct OutputReading {
  std::function<std::unique_ptr<OutputSplitter>()> splitter;  // one per choice; null: all text is content
  std::function<std::string()> call_id;                       // a new one for each tool call
  bool reasoning_shown = true;                                // otherwise it is dropped
  bool one_call = false;                                      // further tool calls are dropped
};

// The parts of a ChoicePart come in the order reasoning, text, tool calls: where the model changes it, a new
// ChoicePart begins. One thread at a time.
class ChoiceOutput {
 public:
  ChoiceOutput(int index, const OutputReading& reading);

  // What the tokens of one event add. scores: of these tokens, where asked for; those of content tokens come
  // with the part that holds their text.
  std::vector<ChoicePart> push(std::string text, std::optional<std::vector<TokenScore>> scores);
  // What was held back, and the end. reason: the engine's; "stop" becomes "tool_calls" after a call.
  std::vector<ChoicePart> finish(const std::string& reason);

 private:
  struct HeldScore {
    TokenScore score;
    size_t begin;  // the text its event brought, or the next one that brought some
    size_t end;
  };
  struct Span {
    size_t begin;
    size_t end;
  };

  std::vector<ChoicePart> parts_of(std::vector<OutputPart> pieces);
  void add(OutputPart piece, std::vector<ChoicePart>* parts);
  void hold(std::vector<TokenScore> scores, size_t text_size);
  void release(bool all, std::vector<ChoicePart>* parts);
  ChoicePart empty_part() const;

  int index_;
  bool reasoning_shown_;
  bool one_call_;
  std::function<std::string()> call_id_;
  std::unique_ptr<OutputSplitter> splitter_;
  bool called_ = false;
  size_t seen_ = 0;  // bytes of text
  std::deque<HeldScore> held_;
  std::vector<Span> content_;  // of the text not yet settled and the latest before it
};

// Adds what a part says to a gathered whole.
void append(ChoicePart part, ChoicePart* whole);

}  // namespace pingti::wire
