// UTF-8: strict decoding (Unicode Standard, table 3-7) that names what is wrong, and appending.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pingti {

enum class Utf8Status { kValid, kInvalid, kIncomplete };  // incomplete: a good beginning cut off by the end

struct Utf8Char {
  char32_t code = 0;    // U+FFFD unless valid
  uint32_t length = 0;  // bytes: the character, or the maximal malformed subpart
  Utf8Status status = Utf8Status::kValid;
};

// Decodes the first character of a non-empty text.
Utf8Char decode_utf8(std::string_view text);

void append_utf8(std::string& out, char32_t code);

// Length of the longest prefix that is valid UTF-8.
size_t valid_utf8_prefix(std::string_view text);

}  // namespace pingti
