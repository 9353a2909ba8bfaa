// Follows the thinking part of a choice, and ends it when its budget is used up.
//
// A function of the answer's tokens alone, and cheap to copy: a draft's tokens are followed by a copy. Used
// by the engine's thread, or by one thread at a time elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/engine.h"

namespace pingti {

class ThinkingTracker {
 public:
  // thinking outlives the tracker; null: an answer without such a part.
  explicit ThinkingTracker(const Thinking* thinking);

  bool inside() const { return mode_ == Mode::kInside; }
  // The next token, when the budget is used up; whatever the logits say.
  std::optional<int32_t> forced() const;
  // The next token was drawn; bytes: what it stands for.
  void push(int32_t token, std::string_view bytes);
  // Tokens of the thinking part so far, markers included.
  int64_t tokens() const { return tokens_; }

 private:
  enum class Mode { kBefore, kInside, kOver };

  std::string_view open(std::string_view bytes);

  const Thinking* thinking_;
  Mode mode_;
  size_t matched_ = 0;  // kBefore: bytes of the opening marker seen
  std::string tail_;    // kInside: the last bytes, which may begin the closing marker
  int64_t spent_ = 0;   // of the budget
  size_t forced_ = 0;   // tokens forced so far
  int64_t tokens_ = 0;
};

}  // namespace pingti
