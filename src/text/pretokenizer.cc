#include "text/pretokenizer.h"

#include <string>

#include "text/utf8.h"

namespace pingti {
namespace {

// A copy whose every stray byte is an ASCII control character: same length, valid, neither letter, digit nor
// space, as U+FFFD is.
std::string replace_stray_bytes(std::string_view text) {
  std::string valid(text);
  for (size_t pos = 0; pos < text.size();) {
    pos += valid_utf8_prefix(text.substr(pos));
    if (pos == text.size()) break;
    const Utf8Char bad = decode_utf8(text.substr(pos));
    valid.replace(pos, bad.length, bad.length, '\x1A');
    pos += bad.length;
  }
  return valid;
}

bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }

bool is_byte_digit(char c) {
  const auto byte = static_cast<uint8_t>(c);
  return is_ascii_digit(c) || byte == 0xB2 || byte == 0xB3 || byte == 0xB9 || (byte >= 0xBC && byte <= 0xBE);
}

}  // namespace

Result<Pretokenizer> Pretokenizer::create(const PretokenizerKind& kind) {
  Pretokenizer pretokenizer;
  for (const std::string_view step : kind.steps) {
    pretokenizer.steps_.emplace_back();
    if (step == PretokenizerKind::kByteAlphabetDigits) continue;
    PT_TRY(Regex pattern, Regex::compile(step));
    pretokenizer.steps_.back().pattern.push_back(std::move(pattern));
  }
  return pretokenizer;
}

void Pretokenizer::split(std::string_view text, Words& words) const {
  std::string repaired;
  std::string_view valid = text;
  if (valid_utf8_prefix(text) != text.size()) valid = repaired = replace_stray_bytes(text);
  Regex::Scratch scratch;
  Ranges pieces{{0, text.size()}}, next;
  for (const Step& step : steps_) {
    next.clear();
    for (const Regex::Range& piece : pieces) {
      if (step.pattern.empty()) {
        split_byte_digits(text, piece, next);
      } else {
        split_by_pattern(step.pattern[0], valid, piece, scratch, next);
      }
    }
    std::swap(pieces, next);
  }
  words.clear();
  words.reserve(pieces.size());
  for (const Regex::Range& piece : pieces) words.push_back(text.substr(piece.begin, piece.end - piece.begin));
}

void Pretokenizer::split_by_pattern(const Regex& pattern, std::string_view text, Regex::Range piece,
                                    Regex::Scratch& scratch, Ranges& out) {
  const std::string_view part = text.substr(piece.begin, piece.end - piece.begin);
  size_t done = 0;
  for (Regex::Range match; done < part.size() && pattern.find(part, done, scratch, match); done = match.end) {
    if (match.begin > done) out.push_back({piece.begin + done, piece.begin + match.begin});
    out.push_back({piece.begin + match.begin, piece.begin + match.end});
  }
  if (done < part.size()) out.push_back({piece.begin + done, piece.end});
}

void Pretokenizer::split_byte_digits(std::string_view text, Regex::Range piece, Ranges& out) {
  for (size_t begin = piece.begin; begin < piece.end;) {
    size_t end = begin + 1;
    const bool digits = is_byte_digit(text[begin]);
    while (end < piece.end && is_byte_digit(text[end]) == digits) ++end;
    size_t rest = begin;  // since the last group of three
    for (size_t pos = begin; digits && pos + 3 <= end;) {
      if (is_ascii_digit(text[pos]) && is_ascii_digit(text[pos + 1]) && is_ascii_digit(text[pos + 2])) {
        if (pos > rest) out.push_back({rest, pos});
        out.push_back({pos, pos + 3});
        rest = pos += 3;
      } else {
        ++pos;
      }
    }
    if (rest < end) out.push_back({rest, end});
    begin = end;
  }
}

}  // namespace pingti
