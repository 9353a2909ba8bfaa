// Unicode normalization form C of UTF-8 text (Unicode Standard Annex 15), in n log n time. Bytes that are
// not valid UTF-8 stay as they are.
#pragma once

#include <string>
#include <string_view>

namespace pingti {

// True only if text surely is in form C already: it holds no character from U+0300 on.
bool is_trivially_nfc(std::string_view text);

std::string to_nfc(std::string_view text);

}  // namespace pingti
