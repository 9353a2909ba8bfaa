#include "engine/stop_matcher.h"

#include <algorithm>

namespace pingti {

StopMatcher::Pattern::Pattern(std::string stop) : text(std::move(stop)), fallback(text.size(), 0) {
  for (size_t i = 1, length = 0; i < text.size(); ++i) {
    while (length > 0 && text[i] != text[length]) length = fallback[length - 1];
    if (text[i] == text[length]) ++length;
    fallback[i] = length;
  }
}

bool StopMatcher::Pattern::advance(char byte) {
  while (state > 0 && text[state] != byte) state = fallback[state - 1];
  if (text[state] == byte) ++state;
  return state == text.size();
}

StopMatcher::StopMatcher(const std::vector<std::string>& stops) {
  for (const std::string& stop : stops) {
    if (!stop.empty()) patterns_.emplace_back(stop);
  }
}

std::string StopMatcher::push(std::string_view text) {
  if (matched_) return {};
  if (patterns_.empty()) return std::string(text);
  for (const char byte : text) {
    held_.push_back(byte);
    const Pattern* longest = nullptr;
    for (Pattern& pattern : patterns_) {
      if (pattern.advance(byte) && (longest == nullptr || pattern.text.size() > longest->text.size()))
        longest = &pattern;
    }
    if (longest == nullptr) continue;
    matched_ = longest->text;
    std::string shown = held_.substr(0, held_.size() - longest->text.size());
    held_.clear();
    return shown;
  }
  size_t keep = 0;
  for (const Pattern& pattern : patterns_) keep = std::max(keep, pattern.state);
  std::string shown = held_.substr(0, held_.size() - keep);
  held_.erase(0, shown.size());
  return shown;
}

std::string StopMatcher::restart() {
  for (Pattern& pattern : patterns_) pattern.state = 0;
  return finish();
}

std::string StopMatcher::finish() {
  std::string rest = std::move(held_);
  held_.clear();
  return rest;
}

}  // namespace pingti
