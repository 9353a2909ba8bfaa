#include "wire/choice_output.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pingti::wire {
namespace {

using Kind = OutputPart::Kind;

// Whether a piece of this kind may still join a part without changing its order.
bool joins(const ChoicePart& part, Kind kind) {
  if (kind == Kind::kReasoning) return part.text.empty() && part.tool_calls.empty();
  if (kind == Kind::kContent) return part.tool_calls.empty();
  return true;
}

ToolCallPart& call_of(ChoicePart& part, int index) {
  if (part.tool_calls.empty() || part.tool_calls.back().index != index)
    part.tool_calls.push_back({.index = index});
  return part.tool_calls.back();
}

}  // namespace

ChoiceOutput::ChoiceOutput(int index, const OutputReading& reading)
    : index_(index),
      reasoning_shown_(reading.reasoning_shown),
      one_call_(reading.one_call),
      call_id_(reading.call_id),
      splitter_(reading.splitter ? reading.splitter() : nullptr) {}

ChoicePart ChoiceOutput::empty_part() const {
  ChoicePart part;
  part.index = index_;
  return part;
}

std::vector<ChoicePart> ChoiceOutput::push(std::string text, std::optional<std::vector<TokenScore>> scores) {
  if (!splitter_) {
    ChoicePart part = empty_part();
    part.text = std::move(text);
    part.logprobs = std::move(scores);
    std::vector<ChoicePart> parts;
    parts.push_back(std::move(part));
    return parts;
  }
  const bool scored = scores.has_value();
  if (scored) hold(std::move(*scores), text.size());
  seen_ += text.size();
  std::vector<OutputPart> pieces;
  splitter_->push(text, &pieces);
  std::vector<ChoicePart> parts = parts_of(std::move(pieces));
  if (scored || !held_.empty()) release(false, &parts);
  return parts;
}

std::vector<ChoicePart> ChoiceOutput::finish(const std::string& reason) {
  std::vector<ChoicePart> parts;
  if (splitter_) {
    std::vector<OutputPart> pieces;
    splitter_->finish(&pieces);
    parts = parts_of(std::move(pieces));
    if (!held_.empty()) release(true, &parts);
  }
  ChoicePart last = empty_part();
  last.finish_reason = called_ && reason == "stop" ? "tool_calls" : reason;
  parts.push_back(std::move(last));
  return parts;
}

std::vector<ChoicePart> ChoiceOutput::parts_of(std::vector<OutputPart> pieces) {
  std::vector<ChoicePart> parts;
  for (OutputPart& piece : pieces) add(std::move(piece), &parts);
  return parts;
}

void ChoiceOutput::add(OutputPart piece, std::vector<ChoicePart>* parts) {
  const bool of_call = piece.kind != Kind::kReasoning && piece.kind != Kind::kContent;
  if (piece.kind == Kind::kReasoning && !reasoning_shown_) return;
  if (piece.kind == Kind::kCallEnd || (of_call && one_call_ && piece.call > 0)) return;
  if (parts->empty() || !joins(parts->back(), piece.kind)) parts->push_back(empty_part());
  ChoicePart& part = parts->back();
  if (piece.kind == Kind::kReasoning) {
    part.reasoning += piece.text;
  } else if (piece.kind == Kind::kContent) {
    content_.push_back({piece.begin, piece.begin + piece.text.size()});
    part.text += piece.text;
  } else if (piece.kind == Kind::kCallBegin) {
    called_ = true;
    ToolCallPart& call = call_of(part, piece.call);
    call.id = call_id_ ? call_id_() : std::string();
    call.name = std::move(piece.text);
  } else {
    call_of(part, piece.call).arguments += piece.text;
  }
}

void ChoiceOutput::hold(std::vector<TokenScore> scores, size_t text_size) {
  const size_t end = seen_ + text_size;
  // Tokens without text of their own share the next text.
  for (HeldScore& held : held_) {
    if (held.begin == held.end && held.begin == seen_) held.end = end;
  }
  for (TokenScore& score : scores) held_.push_back({std::move(score), seen_, end});
}

// Scores of tokens of which it is known what they are: those of content go out, the others are dropped. At
// the end a token whose text never came (a stop string's) counts as content where nothing else came after
// content.
void ChoiceOutput::release(bool all, std::vector<ChoicePart>* parts) {
  const size_t settled = all ? seen_ : splitter_->settled();
  const auto overlaps = [](const HeldScore& held) {
    return [&held](const Span& span) { return span.begin < held.end && held.begin < span.end; };
  };
  std::vector<TokenScore> out;
  while (!held_.empty()) {
    HeldScore& held = held_.front();
    const bool without_text = held.begin == held.end;
    if (!all && (without_text || held.end > settled)) break;
    const bool content = without_text ? !content_.empty() && content_.back().end == held.begin
                                      : std::ranges::any_of(content_, overlaps(held));
    if (content) out.push_back(std::move(held.score));
    held_.pop_front();
  }
  const size_t needed = held_.empty() ? settled : std::min(settled, held_.front().begin);
  while (content_.size() > 1 && content_.front().end < needed) content_.erase(content_.begin());
  if (out.empty()) return;
  const auto holds_text = [](const ChoicePart& part) { return !part.text.empty(); };
  auto target = std::ranges::find_if(*parts, holds_text);
  if (target == parts->end()) target = parts->insert(parts->begin(), empty_part());
  target->logprobs = std::move(out);
}

void append(ChoicePart part, ChoicePart* whole) {
  whole->reasoning += part.reasoning;
  whole->text += part.text;
  for (ToolCallPart& piece : part.tool_calls) {
    ToolCallPart& call = call_of(*whole, piece.index);
    call.id += piece.id;
    call.name += piece.name;
    call.arguments += piece.arguments;
  }
  if (part.logprobs) {
    if (!whole->logprobs) whole->logprobs.emplace();
    std::ranges::move(*part.logprobs, std::back_inserter(*whole->logprobs));
  }
  if (!part.finish_reason.empty()) whole->finish_reason = std::move(part.finish_reason);
  if (!part.stop_text.empty()) whole->stop_text = std::move(part.stop_text);
}

}  // namespace pingti::wire
