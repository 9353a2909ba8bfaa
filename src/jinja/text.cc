#include "jinja/text.h"

#include <utf8proc.h>

#include <algorithm>

namespace pingti::jinja {
namespace {

utf8proc_category_t category(int32_t c) { return c < 0 ? UTF8PROC_CATEGORY_CS : utf8proc_category(c); }

// The letters whose upper case is more than one letter and that real text holds.
std::string_view special_upper(int32_t c) {
  switch (c) {
    case 0xDF:
      return "SS";
    case 0x149:
      return "\u02BCN";
    case 0x1F0:
      return "J\u030C";
    case 0x587:
      return "\u0535\u0552";
    case 0xFB00:
      return "FF";
    case 0xFB01:
      return "FI";
    case 0xFB02:
      return "FL";
    case 0xFB03:
      return "FFI";
    case 0xFB04:
      return "FFL";
    case 0xFB05:
    case 0xFB06:
      return "ST";
    default:
      return {};
  }
}

void append_upper(std::string& out, CodePoint point, std::string_view bytes) {
  if (point.value < 0) {
    out += bytes;
  } else if (auto special = special_upper(point.value); !special.empty()) {
    out += special;
  } else {
    append_code_point(out, static_cast<uint32_t>(utf8proc_toupper(point.value)));
  }
}

void append_title(std::string& out, CodePoint point, std::string_view bytes) {
  if (point.value < 0) {
    out += bytes;
  } else if (auto special = special_upper(point.value); !special.empty()) {
    const size_t first = decode_at(special, 0).value == 0x2BC ? special.size() : decode_at(special, 0).size;
    out += special.substr(0, first);
    out += to_lower(special.substr(first));
  } else {
    append_code_point(out, static_cast<uint32_t>(utf8proc_totitle(point.value)));
  }
}

bool is_cased(int32_t c) { return is_upper(c) || is_lower(c) || is_titlecase(c); }

bool is_case_ignorable(int32_t c) {
  switch (category(c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return c == '\'' || c == '.' || c == ':' || c == 0xB7 || c == 0x2019;
  }
}

int32_t before(std::string_view text, size_t position, size_t* start) {
  size_t at = position - 1;
  while (at > 0 && position - at < 4 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  const CodePoint point = decode_at(text, at);
  if (at + point.size != position) {  // invalid bytes
    *start = position - 1;
    return -1;
  }
  *start = at;
  return point.value;
}

// Sigma at the end of a word has its own lower case.
bool is_final_sigma(std::string_view text, size_t position, size_t size) {
  size_t at = position;
  bool cased_before = false;
  while (at > 0) {
    const int32_t c = before(text, at, &at);
    if (is_case_ignorable(c)) continue;
    cased_before = is_cased(c);
    break;
  }
  if (!cased_before) return false;
  for (at = position + size; at < text.size();) {
    const CodePoint point = decode_at(text, at);
    if (!is_case_ignorable(point.value)) return !is_cased(point.value);
    at += point.size;
  }
  return true;
}

void append_lower(std::string& out, std::string_view text, size_t position, CodePoint point) {
  if (point.value < 0) {
    out += text.substr(position, point.size);
  } else if (point.value == 0x130) {
    out += "i\u0307";
  } else if (point.value == 0x3A3) {
    append_code_point(out, is_final_sigma(text, position, point.size) ? 0x3C2 : 0x3C3);
  } else {
    append_code_point(out, static_cast<uint32_t>(utf8proc_tolower(point.value)));
  }
}

}  // namespace

CodePoint decode_at(std::string_view text, size_t position) {
  const auto first = static_cast<unsigned char>(text[position]);
  if (first < 0x80) return {first, 1};
  utf8proc_int32_t value = -1;
  const auto size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + position,
                                     static_cast<utf8proc_ssize_t>(text.size() - position), &value);
  if (size <= 0) return {-1 - first, 1};
  return {value, static_cast<size_t>(size)};
}

void append_code_point(std::string& out, uint32_t code_point) {
  if ((code_point >= 0xD800 && code_point < 0xE000) || code_point > 0x10FFFF) code_point = 0xFFFD;
  utf8proc_uint8_t bytes[4];
  const auto size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point), bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

size_t count_code_points(std::string_view text) {
  size_t count = 0;
  for (size_t at = 0; at < text.size(); at += decode_at(text, at).size) ++count;
  return count;
}

size_t offset_of(std::string_view text, size_t index) {
  size_t at = 0;
  for (; index > 0 && at < text.size(); --index) at += decode_at(text, at).size;
  return at;
}

std::vector<std::string_view> characters(std::string_view text) {
  std::vector<std::string_view> result;
  for (size_t at = 0; at < text.size();) {
    const size_t size = decode_at(text, at).size;
    result.push_back(text.substr(at, size));
    at += size;
  }
  return result;
}

bool is_space(int32_t c) {
  if (c < 0x80) return (c >= 9 && c <= 13) || (c >= 28 && c <= 32);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_alpha(int32_t c) {
  const auto kind = category(c);
  return kind == UTF8PROC_CATEGORY_LU || kind == UTF8PROC_CATEGORY_LL || kind == UTF8PROC_CATEGORY_LT ||
         kind == UTF8PROC_CATEGORY_LM || kind == UTF8PROC_CATEGORY_LO;
}

bool is_decimal(int32_t c) { return category(c) == UTF8PROC_CATEGORY_ND; }

bool is_digit(int32_t c) {
  if (is_decimal(c)) return true;
  // Superscripts, subscripts and circled digits.
  return c == 0xB2 || c == 0xB3 || c == 0xB9 || c == 0x2070 || (c >= 0x2074 && c <= 0x2079) ||
         (c >= 0x2080 && c <= 0x2089) || (c >= 0x2460 && c <= 0x2468) || (c >= 0x2474 && c <= 0x247C) ||
         (c >= 0x2488 && c <= 0x2490) || c == 0x24EA || (c >= 0x24F5 && c <= 0x24FD) || c == 0x24FF ||
         (c >= 0x2776 && c <= 0x277E) || (c >= 0x2780 && c <= 0x2788) || (c >= 0x278A && c <= 0x2792);
}

bool is_numeric(int32_t c) {
  if (is_digit(c)) return true;
  const auto kind = category(c);
  if (kind == UTF8PROC_CATEGORY_NL || kind == UTF8PROC_CATEGORY_NO) return true;
  static constexpr int32_t kHanNumerals[] = {0x3007, 0x4E00, 0x4E03, 0x4E09, 0x4E5D, 0x4E8C, 0x4E94, 0x516B,
                                             0x516D, 0x5341, 0x56DB, 0x767E, 0x5343, 0x4E07, 0x4EBF, 0x5146,
                                             0x58F9, 0x8D30, 0x53C1, 0x8086, 0x4F0D, 0x9646, 0x67D2, 0x634C,
                                             0x7396, 0x62FE, 0x4F70, 0x4EDF, 0x842C, 0x5104, 0x96F6, 0x4E24};
  return std::find(std::begin(kHanNumerals), std::end(kHanNumerals), c) != std::end(kHanNumerals);
}

bool is_upper(int32_t c) { return category(c) == UTF8PROC_CATEGORY_LU; }
bool is_lower(int32_t c) {
  return category(c) == UTF8PROC_CATEGORY_LL || c == 0xAA || c == 0xBA || (c >= 0x24D0 && c <= 0x24E9);
}
bool is_titlecase(int32_t c) { return category(c) == UTF8PROC_CATEGORY_LT; }

bool is_printable(int32_t c) {
  if (c == ' ') return true;
  switch (category(c)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

bool is_word(int32_t c) { return c == '_' || is_alpha(c) || is_numeric(c); }

std::string to_upper(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = decode_at(text, at);
    append_upper(out, point, text.substr(at, point.size));
    at += point.size;
  }
  return out;
}

std::string to_lower(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = decode_at(text, at);
    append_lower(out, text, at, point);
    at += point.size;
  }
  return out;
}

std::string capitalize(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = decode_at(text, at);
    if (at == 0) {
      append_title(out, point, text.substr(at, point.size));
    } else {
      append_lower(out, text, at, point);
    }
    at += point.size;
  }
  return out;
}

std::string swap_case(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = decode_at(text, at);
    if (is_upper(point.value)) {
      append_lower(out, text, at, point);
    } else if (is_lower(point.value)) {
      append_upper(out, point, text.substr(at, point.size));
    } else {
      out += text.substr(at, point.size);
    }
    at += point.size;
  }
  return out;
}

std::string to_title(std::string_view text) {
  std::string out;
  bool after_cased = false;
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = decode_at(text, at);
    if (after_cased) {
      append_lower(out, text, at, point);
    } else {
      append_title(out, point, text.substr(at, point.size));
    }
    after_cased = is_cased(point.value);
    at += point.size;
  }
  return out;
}

namespace {

template <class Member>
std::string_view strip_where(std::string_view text, Side side, Member member) {
  while (side != Side::kRight && !text.empty()) {
    const CodePoint point = decode_at(text, 0);
    if (!member(point.value)) break;
    text.remove_prefix(point.size);
  }
  while (side != Side::kLeft && !text.empty()) {
    size_t start = 0;
    if (!member(before(text, text.size(), &start))) break;
    text.remove_suffix(text.size() - start);
  }
  return text;
}

}  // namespace

std::string_view strip_space(std::string_view text, Side side) { return strip_where(text, side, is_space); }

std::string_view strip_any(std::string_view text, std::string_view set, Side side) {
  std::vector<int32_t> members;
  for (size_t at = 0; at < set.size();) {
    const CodePoint point = decode_at(set, at);
    members.push_back(point.value);
    at += point.size;
  }
  std::sort(members.begin(), members.end());
  return strip_where(text, side,
                     [&](int32_t c) { return std::binary_search(members.begin(), members.end(), c); });
}

std::vector<std::string_view> split(std::string_view text, std::string_view separator, int64_t max_splits) {
  std::vector<std::string_view> parts;
  while (max_splits < 0 || static_cast<int64_t>(parts.size()) < max_splits) {
    const size_t at = text.find(separator);
    if (at == std::string_view::npos) break;
    parts.push_back(text.substr(0, at));
    text.remove_prefix(at + separator.size());
  }
  parts.push_back(text);
  return parts;
}

std::vector<std::string_view> split_right(std::string_view text, std::string_view separator,
                                          int64_t max_splits) {
  std::vector<std::string_view> parts;
  while (max_splits < 0 || static_cast<int64_t>(parts.size()) < max_splits) {
    const size_t at = text.rfind(separator);
    if (at == std::string_view::npos) break;
    parts.push_back(text.substr(at + separator.size()));
    text = text.substr(0, at);
  }
  parts.push_back(text);
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string_view> split_space(std::string_view text, int64_t max_splits) {
  std::vector<std::string_view> parts;
  text = strip_space(text, Side::kLeft);
  while (!text.empty()) {
    if (max_splits >= 0 && static_cast<int64_t>(parts.size()) >= max_splits) {
      parts.push_back(text);
      break;
    }
    size_t end = 0;
    while (end < text.size()) {
      const CodePoint point = decode_at(text, end);
      if (is_space(point.value)) break;
      end += point.size;
    }
    parts.push_back(text.substr(0, end));
    text = strip_space(text.substr(end), Side::kLeft);
  }
  return parts;
}

std::vector<std::string_view> split_space_right(std::string_view text, int64_t max_splits) {
  std::vector<std::string_view> parts;
  text = strip_space(text, Side::kRight);
  while (!text.empty()) {
    if (max_splits >= 0 && static_cast<int64_t>(parts.size()) >= max_splits) {
      parts.push_back(text);
      break;
    }
    size_t start = text.size();
    while (start > 0) {
      size_t previous = 0;
      if (is_space(before(text, start, &previous))) break;
      start = previous;
    }
    parts.push_back(text.substr(start));
    text = strip_space(text.substr(0, start), Side::kRight);
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string_view> lines;
  size_t start = 0;
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = decode_at(text, at);
    const int32_t c = point.value;
    const bool breaks =
        (c >= 10 && c <= 13) || (c >= 28 && c <= 30) || c == 0x85 || c == 0x2028 || c == 0x2029;
    size_t next = at + point.size;
    if (breaks) {
      if (c == '\r' && next < text.size() && text[next] == '\n') ++next;
      lines.push_back(text.substr(start, (keep_ends ? next : at) - start));
      start = next;
    }
    at = next;
  }
  if (start < text.size()) lines.push_back(text.substr(start));
  return lines;
}

size_t count_of(std::string_view text, std::string_view part) {
  if (part.empty()) return count_code_points(text) + 1;
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size()))
    ++count;
  return count;
}

std::string replace(std::string_view text, std::string_view from, std::string_view to, int64_t limit) {
  std::string out;
  size_t at = 0;
  int64_t done = 0;
  if (from.empty()) {
    for (std::string_view character : characters(text)) {
      if (limit < 0 || done++ < limit) out += to;
      out += character;
    }
    if (limit < 0 || done < limit) out += to;
    return out;
  }
  while (limit < 0 || done < limit) {
    const size_t found = text.find(from, at);
    if (found == std::string_view::npos) break;
    out += text.substr(at, found - at);
    out += to;
    at = found + from.size();
    ++done;
  }
  out += text.substr(at);
  return out;
}

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace pingti::jinja
