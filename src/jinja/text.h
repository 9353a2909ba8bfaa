// Python's view of text over UTF-8: code points, character classes, case, splitting. Bytes that are not valid
// UTF-8 count as one code point each and are kept as they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pingti::jinja {

struct CodePoint {
  int32_t value = 0;  // negative: an invalid byte
  size_t size = 1;    // in bytes
};

CodePoint decode_at(std::string_view text, size_t position);
void append_code_point(std::string& out, uint32_t code_point);  // surrogates become U+FFFD
size_t count_code_points(std::string_view text);
bool is_ascii(std::string_view text);
size_t offset_of(std::string_view text, size_t index);  // byte offset of a code point; the end when past it
std::vector<std::string_view> characters(std::string_view text);

bool is_space(int32_t c);
bool is_alpha(int32_t c);
bool is_decimal(int32_t c);
bool is_digit(int32_t c);
bool is_numeric(int32_t c);
bool is_upper(int32_t c);
bool is_lower(int32_t c);
bool is_titlecase(int32_t c);
bool is_printable(int32_t c);
bool is_word(int32_t c);  // \w of Python's re

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
std::string capitalize(std::string_view text);
std::string swap_case(std::string_view text);
std::string to_title(std::string_view text);  // str.title

enum class Side { kBoth, kLeft, kRight };
std::string_view strip_space(std::string_view text, Side side = Side::kBoth);
std::string_view strip_any(std::string_view text, std::string_view characters, Side side);

// max_splits < 0: no limit. The separator is not empty.
std::vector<std::string_view> split(std::string_view text, std::string_view separator, int64_t max_splits);
std::vector<std::string_view> split_right(std::string_view text, std::string_view separator,
                                          int64_t max_splits);
std::vector<std::string_view> split_space(std::string_view text, int64_t max_splits);
std::vector<std::string_view> split_space_right(std::string_view text, int64_t max_splits);
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends = false);

size_t count_of(std::string_view text, std::string_view part);
std::string replace(std::string_view text, std::string_view from, std::string_view to, int64_t limit);
std::string escape_html(std::string_view text);

}  // namespace pingti::jinja
