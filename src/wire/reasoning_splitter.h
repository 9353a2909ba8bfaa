// Tells the thinking part of an answer from the rest.
#pragma once

#include <memory>
#include <string>

#include "wire/output_splitter.h"

namespace pingti::wire {

// What encloses a model's thinking.
struct ReasoningMarkers {
  std::string begin = "<think>";
  std::string end = "</think>";
};

// The answer is thought from its start (`open`: the prompt has begun the thinking) or if it begins with the
// opening marker, up to the closing one; what follows goes to `rest` (null: it is content). Space at the
// thinking's ends and after it is dropped. A marker anywhere else is content.
class ReasoningSplitter final : public OutputSplitter {
 public:
  ReasoningSplitter(ReasoningMarkers markers, bool open, std::unique_ptr<OutputSplitter> rest);

  void push(std::string_view text, std::vector<OutputPart>* out) override;
  void finish(std::vector<OutputPart>* out) override;
  size_t settled() const override;

 private:
  enum class Mode { kBefore, kThinking, kAfter, kRest };
  using Parts = std::vector<OutputPart>;

  bool step(bool over, Parts* out);
  bool read_before(bool over);
  bool read_thinking(bool over, Parts* out);
  void read_rest(Parts* out);
  void place(size_t first, Parts* out) const;
  void skip_space();
  void consume(size_t bytes);

  ReasoningMarkers markers_;
  std::unique_ptr<OutputSplitter> rest_;
  Mode mode_;
  std::string buffer_;  // not yet decided
  size_t offset_ = 0;   // of buffer_ in the choice's text
  size_t rest_begin_ = 0;
  bool thought_ = false;  // some reasoning came out
};

}  // namespace pingti::wire
