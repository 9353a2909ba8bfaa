#include "wire/reasoning_splitter.h"

#include <algorithm>
#include <span>
#include <utility>

#include "wire/tools/call_splitter.h"

namespace pingti::wire {
namespace {

using Kind = OutputPart::Kind;

constexpr std::string_view kSpace = " \n\r\t";

}  // namespace

ReasoningSplitter::ReasoningSplitter(ReasoningMarkers markers, bool open,
                                     std::unique_ptr<OutputSplitter> rest)
    : markers_(std::move(markers)), rest_(std::move(rest)), mode_(open ? Mode::kThinking : Mode::kBefore) {}

void ReasoningSplitter::push(std::string_view text, Parts* out) {
  buffer_ += text;
  while (step(false, out)) {
  }
}

void ReasoningSplitter::finish(Parts* out) {
  while (step(true, out)) {
  }
  if (!rest_) return;
  const size_t before = out->size();
  rest_->finish(out);
  place(before, out);
}

size_t ReasoningSplitter::settled() const {
  return mode_ == Mode::kRest && rest_ ? rest_begin_ + rest_->settled() : offset_;
}

bool ReasoningSplitter::step(bool over, Parts* out) {
  switch (mode_) {
    case Mode::kBefore:
      return read_before(over);
    case Mode::kThinking:
      return read_thinking(over, out);
    case Mode::kAfter:
      skip_space();
      if (buffer_.empty()) return false;
      rest_begin_ = offset_;
      mode_ = Mode::kRest;
      return true;
    case Mode::kRest:
      read_rest(out);
      return false;
  }
  return false;
}

bool ReasoningSplitter::read_before(bool over) {
  const size_t start = std::min(buffer_.find_first_not_of(kSpace), buffer_.size());
  const std::string_view text = std::string_view(buffer_).substr(start);
  if (text.starts_with(markers_.begin)) {
    consume(start + markers_.begin.size());
    mode_ = Mode::kThinking;
    return true;
  }
  const bool may_come = std::string_view(markers_.begin).starts_with(text);
  if (may_come && !over) return false;
  mode_ = Mode::kRest;
  return true;
}

bool ReasoningSplitter::read_thinking(bool over, Parts* out) {
  if (!thought_) skip_space();
  const std::string_view marker = markers_.end;
  const size_t found = buffer_.find(marker);
  const bool closed = found != std::string::npos;
  size_t thought = 0;
  if (closed || over) {
    thought = space_before(buffer_, std::min(found, buffer_.size()));
  } else {
    thought = buffer_.size() - bytes_to_hold(buffer_, {&marker, 1});
  }
  if (thought > 0) {
    thought_ = true;
    out->push_back({.kind = Kind::kReasoning, .text = buffer_.substr(0, thought)});
  }
  if (!closed) {
    consume(over ? buffer_.size() : thought);
    return false;
  }
  consume(found + marker.size());
  mode_ = Mode::kAfter;
  return true;
}

void ReasoningSplitter::read_rest(Parts* out) {
  if (buffer_.empty()) return;
  const size_t begin = offset_;
  const std::string text = std::exchange(buffer_, {});
  offset_ += text.size();
  if (!rest_) {
    out->push_back({.kind = Kind::kContent, .text = text, .begin = begin});
    return;
  }
  const size_t before = out->size();
  rest_->push(text, out);
  place(before, out);
}

// The parts from `first` on are the rest's: its text begins later than the choice's.
void ReasoningSplitter::place(size_t first, Parts* out) const {
  for (OutputPart& part : std::span(*out).subspan(first)) {
    if (part.kind == Kind::kContent) part.begin += rest_begin_;
  }
}

void ReasoningSplitter::skip_space() { consume(std::min(buffer_.find_first_not_of(kSpace), buffer_.size())); }

void ReasoningSplitter::consume(size_t bytes) {
  buffer_.erase(0, bytes);
  offset_ += bytes;
}

}  // namespace pingti::wire
