#include "wire/tools/json_scanner.h"

#include "wire/json.h"

namespace pingti::wire {
namespace {

constexpr size_t kDepth = 64;
constexpr size_t kLongestScalar = 256;

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

}  // namespace

bool JsonScanner::push(char c) {
  if (state_ != State::kOpen) return false;
  switch (mode_) {
    case Mode::kString:
    case Mode::kEscape:
    case Mode::kHex:
      return string_byte(c);
    case Mode::kScalar:
      return scalar_byte(c);
    default:
      break;
  }
  if (is_space(c)) return true;
  switch (mode_) {
    case Mode::kFirstItem:
      if (c == ']') return close('[');
      return start_value(c);
    case Mode::kFirstKey:
      if (c == '}') return close('{');
      [[fallthrough]];
    case Mode::kKey:
      if (c != '"') return bad();
      key_ = true;
      mode_ = Mode::kString;
      return true;
    case Mode::kColon:
      if (c != ':') return bad();
      mode_ = Mode::kValue;
      return true;
    case Mode::kAfter:
      return after_value(c);
    default:
      return start_value(c);
  }
}

bool JsonScanner::start_value(char c) {
  if (c == '{') return open(c);
  if (c == '[') return open(c);
  if (c == '"') {
    key_ = false;
    mode_ = Mode::kString;
    return true;
  }
  if (c != '-' && !is_digit(c) && !is_letter(c)) return bad();
  scalar_.assign(1, c);
  mode_ = Mode::kScalar;
  return true;
}

bool JsonScanner::after_value(char c) {
  if (c == ',') {
    mode_ = open_.back() == '{' ? Mode::kKey : Mode::kValue;
    return true;
  }
  if (c == '}') return close('{');
  if (c == ']') return close('[');
  return bad();
}

bool JsonScanner::string_byte(char c) {
  if (mode_ == Mode::kHex) {
    if (!is_hex(c)) return bad();
    if (--hex_digits_ == 0) mode_ = Mode::kString;
  } else if (mode_ == Mode::kEscape) {
    if (std::string_view("\"\\/bfnrtu").find(c) == std::string_view::npos) return bad();
    mode_ = c == 'u' ? Mode::kHex : Mode::kString;
    hex_digits_ = 4;
  } else if (c == '\\') {
    mode_ = Mode::kEscape;
  } else if (c == '"') {
    if (key_) {
      mode_ = Mode::kColon;
    } else {
      value_over();
    }
  } else if (static_cast<unsigned char>(c) < 0x20) {
    return bad();
  }
  return true;
}

bool JsonScanner::scalar_byte(char c) {
  if (is_digit(c) || is_letter(c) || c == '+' || c == '-' || c == '.') {
    if (scalar_.size() == kLongestScalar) return bad();
    scalar_ += c;
    return true;
  }
  if (!Json::accept(scalar_)) return bad();
  value_over();
  return push(c);
}

void JsonScanner::value_over() {
  mode_ = Mode::kAfter;
  if (open_.empty()) state_ = State::kDone;
}

bool JsonScanner::open(char kind) {
  if (open_.size() == kDepth) return bad();
  open_ += kind;
  mode_ = kind == '{' ? Mode::kFirstKey : Mode::kFirstItem;
  return true;
}

bool JsonScanner::close(char kind) {
  if (open_.back() != kind) return bad();
  open_.pop_back();
  value_over();
  return true;
}

bool JsonScanner::bad() {
  state_ = State::kBad;
  return false;
}

JsonSpan scan_json(std::string_view text, size_t begin) {
  while (begin < text.size() && is_space(text[begin])) ++begin;
  JsonScanner scanner;
  size_t end = begin;
  while (end < text.size() && scanner.state() == JsonScanner::State::kOpen && scanner.push(text[end])) ++end;
  return {scanner.state(), begin, end};
}

}  // namespace pingti::wire
