#include "text/nfc.h"

#include <utf8proc.h>

#include <algorithm>
#include <compare>
#include <span>
#include <vector>

#include "text/utf8.h"

namespace pingti {
namespace {

constexpr auto kCompose = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);

utf8proc_propval_t mark_class(utf8proc_int32_t code) { return utf8proc_get_property(code)->combining_class; }

void decompose(std::string_view valid, std::vector<utf8proc_int32_t>& out) {
  for (size_t pos = 0; pos < valid.size();) {
    const Utf8Char next = decode_utf8(valid.substr(pos));
    pos += next.length;
    utf8proc_int32_t parts[32];  // the longest canonical decomposition has 4
    const auto code = static_cast<utf8proc_int32_t>(next.code);
    const auto count = utf8proc_decompose_char(code, parts, 32, kCompose, nullptr);
    if (count > 0 && count <= 32) {
      out.insert(out.end(), parts, parts + count);
    } else {
      out.push_back(code);
    }
  }
}

// utf8proc sorts combining marks in quadratic time: long runs of them must come sorted.
void sort_marks(std::span<utf8proc_int32_t> marks) {
  struct Mark {
    utf8proc_propval_t combining_class;
    size_t position;  // equal classes keep their order
    utf8proc_int32_t code;
    auto operator<=>(const Mark&) const = default;
  };
  std::vector<Mark> sorted;
  sorted.reserve(marks.size());
  for (const auto code : marks) sorted.push_back({mark_class(code), sorted.size(), code});
  std::ranges::sort(sorted);
  std::ranges::transform(sorted, marks.begin(), &Mark::code);
}

void sort_all_marks(std::vector<utf8proc_int32_t>& codes) {
  for (size_t begin = 0; begin < codes.size();) {
    size_t end = begin;
    while (end < codes.size() && mark_class(codes[end]) != 0) ++end;
    if (end - begin > 1) sort_marks(std::span(codes).subspan(begin, end - begin));
    begin = end + 1;
  }
}

void append_nfc(std::string& out, std::string_view valid) {
  if (is_trivially_nfc(valid)) {
    out += valid;
    return;
  }
  std::vector<utf8proc_int32_t> codes;
  codes.reserve(valid.size());
  decompose(valid, codes);
  sort_all_marks(codes);
  const auto length =
      utf8proc_normalize_utf32(codes.data(), static_cast<utf8proc_ssize_t>(codes.size()), kCompose);
  for (utf8proc_ssize_t i = 0; i < length; ++i) {
    append_utf8(out, static_cast<char32_t>(codes[static_cast<size_t>(i)]));
  }
}

}  // namespace

bool is_trivially_nfc(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<uint8_t>(c) < 0xCC; });  // CC 80: U+0300
}

std::string to_nfc(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t valid = valid_utf8_prefix(text);
    append_nfc(out, text.substr(0, valid));
    text.remove_prefix(valid);
    if (text.empty()) break;
    const size_t bad = decode_utf8(text).length;
    out += text.substr(0, bad);
    text.remove_prefix(bad);
  }
  return out;
}

}  // namespace pingti
