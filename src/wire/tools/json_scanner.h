// Follows one JSON value (RFC 8259) byte by byte, to know where it ends. One thread at a time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pingti::wire {

class JsonScanner {
 public:
  enum class State { kOpen, kDone, kBad };

  // Takes the next byte. False: it is not of the value, which is over or bad. Space before the value is
  // taken.
  bool push(char c);
  State state() const { return state_; }

 private:
  enum class Mode { kValue, kFirstItem, kFirstKey, kKey, kColon, kAfter, kString, kEscape, kHex, kScalar };

  bool start_value(char c);
  bool after_value(char c);
  bool string_byte(char c);
  bool scalar_byte(char c);
  void value_over();
  bool open(char kind);
  bool close(char kind);
  bool bad();

  State state_ = State::kOpen;
  Mode mode_ = Mode::kValue;
  std::string open_;  // '{' and '[' not closed yet
  bool key_ = false;  // the string is a member's name
  int hex_digits_ = 0;
  std::string scalar_;  // a number or literal
};

// The end of the value that begins at `begin` (space before it is skipped). kOpen: the text ends first.
struct JsonSpan {
  JsonScanner::State state = JsonScanner::State::kOpen;
  size_t begin = 0;
  size_t end = 0;
};
JsonSpan scan_json(std::string_view text, size_t begin);

}  // namespace pingti::wire
