// GPT-2's printable alphabet: one visible character for each byte, so that any bytes can be written as text.
// Printable Latin-1 stands for itself; the other 68 bytes, ascending, are U+0100, U+0101, ...
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "text/utf8.h"

namespace pingti {

constexpr std::array<char32_t, 256> kByteAlphabet = [] {
  std::array<char32_t, 256> alphabet{};
  char32_t next = 0x100;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte > 0x20 && byte < 0x7F) || (byte > 0xA0 && byte != 0xAD);
    alphabet[byte] = printable ? byte : next++;
  }
  return alphabet;
}();

// The bytes that a text in the alphabet stands for; a text with any other character stands for itself.
inline std::string decode_byte_alphabet(std::string_view text) {
  static constexpr auto kBytes = [] {
    std::array<int16_t, 0x180> bytes{};
    bytes.fill(-1);
    for (int16_t byte = 0; byte < 256; ++byte) bytes[kByteAlphabet[static_cast<size_t>(byte)]] = byte;
    return bytes;
  }();
  std::string decoded;
  for (size_t pos = 0; pos < text.size();) {
    const Utf8Char next = decode_utf8(text.substr(pos));
    if (next.code >= kBytes.size() || kBytes[next.code] < 0) return std::string(text);
    decoded.push_back(static_cast<char>(kBytes[next.code]));
    pos += next.length;
  }
  return decoded;
}

}  // namespace pingti
