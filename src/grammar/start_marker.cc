#include "grammar/start_marker.h"

#include "text/tokenizer.h"

namespace pingti {

StartMarker::StartMarker(std::string text, const Tokenizer& tokenizer, int vocab)
    : text_(std::move(text)), failure_(text_.size(), 0), tokenizer_(&tokenizer) {
  for (size_t i = 1, k = 0; i < text_.size(); ++i) {
    while (k > 0 && text_[i] != text_[k]) k = failure_[k - 1];
    if (text_[i] == text_[k]) ++k;
    failure_[i] = k;
  }
  const auto words = (static_cast<size_t>(vocab) + 31) / 32;
  masks_.assign(text_.size(), std::vector<uint32_t>(words, ~uint32_t{0}));
  for (auto& mask : masks_) {
    if (vocab % 32 != 0) mask.back() = (uint32_t{1} << (vocab % 32)) - 1;
  }
  const auto forbid = [&](size_t matched, int32_t token) {
    masks_[matched][static_cast<size_t>(token) / 32] &= ~(uint32_t{1} << (token % 32));
  };
  for (int32_t token = 0; token < tokenizer.size() && token < vocab; ++token) {
    const std::string_view bytes = tokenizer.token_bytes(token);
    const bool ends = tokenizer.is_end_of_generation(token);
    for (size_t matched = 0; matched < text_.size(); ++matched) {
      size_t after = matched;
      const size_t used = scan(&after, bytes);
      const bool beyond = used != std::string::npos && used < bytes.size();
      if (ends || beyond) forbid(matched, token);
    }
  }
}

size_t StartMarker::scan(size_t* matched, std::string_view bytes) const {
  size_t k = *matched;
  for (size_t i = 0; i < bytes.size(); ++i) {
    while (k > 0 && bytes[i] != text_[k]) k = failure_[k - 1];
    if (bytes[i] == text_[k]) ++k;
    if (k == text_.size()) {
      *matched = k;
      return i + 1;
    }
  }
  *matched = k;
  return std::string::npos;
}

size_t StartMarker::follow(size_t matched, int32_t token) const {
  scan(&matched, tokenizer_->token_bytes(token));
  return matched;
}

}  // namespace pingti
