#include "jinja/literals.h"

#include <cctype>
#include <charconv>
#include <cstdlib>

#include "jinja/failure.h"
#include "jinja/operators.h"
#include "jinja/text.h"

namespace pingti::jinja {
namespace {

bool is_digit_of(char c, int base) {
  const auto lowered = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const int digit = std::isdigit(static_cast<unsigned char>(c)) ? c - '0'
                    : lowered >= 'a' && lowered <= 'f'          ? lowered - 'a' + 10
                                                                : 99;
  return digit < base;
}

// Digits with single underscores between them; where they end.
size_t digits_end(std::string_view text, size_t at, int base = 10) {
  size_t end = at;
  while (at < text.size()) {
    if (is_digit_of(text[at], base)) {
      end = ++at;
    } else if (text[at] == '_' && at == end && at + 1 < text.size() && is_digit_of(text[at + 1], base)) {
      ++at;
    } else {
      break;
    }
  }
  return end;
}

size_t float_end(std::string_view text, size_t whole_end) {
  size_t end = whole_end;
  bool is_float = false;
  if (end < text.size() && text[end] == '.') {
    if (const size_t fraction = digits_end(text, end + 1); fraction > end + 1 && text[end + 1] != '_') {
      end = fraction;
      is_float = true;
    }
  }
  if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
    size_t at = end + 1;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (const size_t exponent = digits_end(text, at); exponent > at && text[at] != '_') {
      end = exponent;
      is_float = true;
    }
  }
  return is_float ? end : 0;
}

size_t integer_end(std::string_view text) {
  if (text[0] == '0' && text.size() > 1) {
    const int mark = std::tolower(static_cast<unsigned char>(text[1]));
    const int base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
    if (base) {
      const size_t start = text.size() > 2 && text[2] == '_' ? 3 : 2;
      const size_t end = digits_end(text, start, base);
      return end > start ? end : 1;
    }
    size_t end = 1;  // zeros only
    while (end < text.size() &&
           (text[end] == '0' || (text[end] == '_' && end + 1 < text.size() && text[end + 1] == '0')))
      ++end;
    return end;
  }
  return digits_end(text, 0);
}

std::string without(std::string_view text, char unwanted) {
  std::string out;
  for (char c : text) {
    if (c != unwanted) out += c;
  }
  return out;
}

uint32_t read_hex(std::string_view text, size_t* at, size_t count, int line) {
  uint32_t value = 0;
  const char* begin = text.data() + *at;
  if (*at + count > text.size() || std::from_chars(begin, begin + count, value, 16).ptr != begin + count) {
    throw_syntax("truncated escape in a string", line);
  }
  *at += count;
  return value;
}

uint32_t read_octal(std::string_view text, size_t* at) {
  uint32_t value = 0;
  for (int i = 0; i < 3 && *at < text.size() && text[*at] >= '0' && text[*at] <= '7'; ++i) {
    value = value * 8 + static_cast<uint32_t>(text[(*at)++] - '0');
  }
  return value;
}

// A \u escape may be the first half of a surrogate pair; Python keeps halves, UTF-8 cannot.
uint32_t read_unit(std::string_view text, size_t* at, int line) {
  const uint32_t unit = read_hex(text, at, 4, line);
  if (unit < 0xD800 || unit >= 0xDC00 || text.substr(*at, 2) != "\\u") return unit;
  size_t next = *at + 2;
  const uint32_t low = read_hex(text, &next, 4, line);
  if (low < 0xDC00 || low >= 0xE000) return unit;
  *at = next;
  return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
}

}  // namespace

size_t read_number(std::string_view text, bool after_dot, Token* token) {
  if (text.empty() || !std::isdigit(static_cast<unsigned char>(text[0]))) return 0;
  if (!after_dot) {
    if (const size_t end = float_end(text, digits_end(text, 0)); end > 0) {
      token->kind = TokenKind::kFloat;
      token->real = std::strtod(without(text.substr(0, end), '_').c_str(), nullptr);
      return end;
    }
  }
  const size_t end = integer_end(text);
  token->kind = TokenKind::kInteger;
  token->text = text.substr(0, end);
  try {
    parse_int(without(token->text, '_'), 0, &token->integer);
  } catch (Failure& failure) {
    failure.line = token->line;
    throw;
  }
  return end;
}

std::string unescape(std::string_view text, int line) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    if (text[at] != '\\' || at + 1 >= text.size()) {
      out += text[at++];
      continue;
    }
    const char c = text[at + 1];
    at += 2;
    switch (c) {
      case '\n':
        break;
      case '\\':
      case '\'':
      case '"':
        out += c;
        break;
      case 'a':
        out += '\a';
        break;
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'v':
        out += '\v';
        break;
      case 'x':
        append_code_point(out, read_hex(text, &at, 2, line));
        break;
      case 'u':
        append_code_point(out, read_unit(text, &at, line));
        break;
      case 'U': {
        const uint32_t value = read_hex(text, &at, 8, line);
        if (value > 0x10FFFF) throw_syntax("illegal Unicode character in a string", line);
        append_code_point(out, value);
        break;
      }
      case 'N':
        throw_syntax("named Unicode escapes are not supported", line);
      default:
        if (c >= '0' && c <= '7') {
          --at;
          append_code_point(out, read_octal(text, &at));
        } else {
          out += '\\';
          out += c;
        }
    }
  }
  return out;
}

}  // namespace pingti::jinja
