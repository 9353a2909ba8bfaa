#include "engine/thinking.h"

namespace pingti {

ThinkingTracker::ThinkingTracker(const Thinking* thinking)
    : thinking_(thinking),
      mode_(thinking == nullptr ? Mode::kOver
            : thinking->open    ? Mode::kInside
                                : Mode::kBefore) {}

std::optional<int32_t> ThinkingTracker::forced() const {
  if (mode_ != Mode::kInside || thinking_->max_tokens < 0 || spent_ < thinking_->max_tokens) return {};
  if (forced_ == thinking_->forced.size()) return {};
  return thinking_->forced[forced_];
}

void ThinkingTracker::push(int32_t token, std::string_view bytes) {
  if (mode_ == Mode::kOver) return;
  if (mode_ == Mode::kBefore) {
    bytes = open(bytes);
    if (mode_ != Mode::kInside) return;
  } else if (forced()) {
    ++forced_;
  } else {
    ++spent_;
  }
  ++tokens_;
  const std::string& end = thinking_->end;
  tail_ += bytes;
  if (tail_.find(end) != std::string::npos) {
    mode_ = Mode::kOver;
  } else if (tail_.size() >= end.size()) {
    tail_.erase(0, tail_.size() - end.size() + 1);
  }
}

// What follows the opening marker, once it is complete.
std::string_view ThinkingTracker::open(std::string_view bytes) {
  const std::string& begin = thinking_->begin;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const bool space = bytes[i] == ' ' || bytes[i] == '\n' || bytes[i] == '\r' || bytes[i] == '\t';
    if (matched_ == 0 && space) continue;
    if (bytes[i] != begin[matched_]) {
      mode_ = Mode::kOver;
      return {};
    }
    if (++matched_ < begin.size()) continue;
    mode_ = Mode::kInside;
    return bytes.substr(i + 1);
  }
  return {};
}

}  // namespace pingti
