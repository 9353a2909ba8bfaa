// Stop strings on a stream of text: lets text through as soon as it cannot be part of a stop string.
//
// The stop string that is complete first ends the stream (of several complete at the same byte, the longest).
// So the outcome depends on the text alone, never on how it was cut into pieces.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pingti {

class StopMatcher {
 public:
  // Empty strings are ignored.
  explicit StopMatcher(const std::vector<std::string>& stops);

  // Text that may be shown now. Nothing comes out after a match.
  std::string push(std::string_view text);
  // Text that no stop string may reach into or over follows: the text still held back.
  std::string restart();
  // The stream has ended without a match: the text still held back.
  std::string finish();

  // The stop string that ended the stream.
  const std::optional<std::string>& matched() const { return matched_; }

 private:
  // One stop string, searched for by Knuth, Morris and Pratt's automaton.
  struct Pattern {
    std::string text;
    std::vector<size_t> fallback;  // [i]: longest proper prefix of text that ends text[0, i]
    size_t state = 0;              // length of the longest prefix that ends the stream so far

    explicit Pattern(std::string stop);
    bool advance(char byte);
  };

  std::vector<Pattern> patterns_;
  std::string held_;
  std::optional<std::string> matched_;
};

}  // namespace pingti
