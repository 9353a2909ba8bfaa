#include "wire/tools/call_splitter.h"

#include <algorithm>
#include <utility>

namespace pingti::wire {
namespace {

using Kind = OutputPart::Kind;

constexpr size_t kMostSpace = 256;
// A call whose head or tail is longer is none: bounds both memory and what is read again.
constexpr size_t kLongestHead = 16 << 10;

constexpr std::string_view kSpace = " \n\r\t";

}  // namespace

size_t space_before(std::string_view text, size_t end) {
  size_t begin = end;
  while (begin > 0 && end - begin < kMostSpace && kSpace.contains(text[begin - 1])) --begin;
  return begin;
}

size_t bytes_to_hold(std::string_view text, std::span<const std::string_view> markers) {
  size_t partial = 0;
  for (std::string_view marker : markers) {
    for (size_t n = std::min(marker.size() - 1, text.size()); n > partial; --n) {
      if (text.ends_with(marker.substr(0, n))) partial = n;
    }
  }
  return text.size() - space_before(text, text.size() - partial);
}

CallSplitter::CallSplitter(const CallSyntax& syntax, std::vector<std::string> known_names)
    : syntax_(syntax), known_names_(std::move(known_names)) {}

void CallSplitter::push(std::string_view text, Parts* out) {
  buffer_ += text;
  while (step(out)) {
  }
}

void CallSplitter::finish(Parts* out) {
  over_ = true;
  while (step(out)) {
  }
}

bool CallSplitter::step(Parts* out) {
  switch (mode_) {
    case Mode::kText:
      return read_text(out);
    case Mode::kHead:
      return read_head(out);
    case Mode::kArguments:
      return read_arguments(out);
    case Mode::kBroken:
      return read_broken(out);
    case Mode::kTail:
      return read_tail(out);
  }
  return false;
}

bool CallSplitter::read_text(Parts* out) {
  if (after_call_) consume(std::min(buffer_.find_first_not_of(kSpace), buffer_.size()));
  if (buffer_.empty()) return false;
  after_call_ = false;
  const size_t start = buffer_.find_first_not_of(kSpace);
  size_t found = std::string::npos;
  size_t length = 0;
  bare_ = syntax_.bare && at_start_ && start != std::string::npos && buffer_[start] == '{';
  if (bare_) found = start;
  if (start != std::string::npos) at_start_ = false;
  for (std::string_view marker : syntax_.markers) {
    const size_t at = buffer_.find(marker);
    if (at >= found) continue;
    found = at;
    length = marker.size();
  }
  if (found == std::string::npos) {
    content(buffer_.size() - (over_ ? 0 : bytes_to_hold(buffer_, syntax_.markers)), out);
    return false;
  }
  const size_t space = space_before(buffer_, found);
  content(space, out);
  opening_ = found - space + length;
  first_ = true;
  mode_ = Mode::kHead;
  return true;
}

bool CallSplitter::is_known(const std::string& name) const {
  return !bare_ || std::ranges::find(known_names_, name) != known_names_.end();
}

bool CallSplitter::read_head(Parts* out) {
  CallHead head = syntax_.head(std::string_view(buffer_).substr(opening_), first_);
  const bool waits = head.status == CallHead::Status::kMore;
  if (waits && !over_ && buffer_.size() - opening_ <= kLongestHead) return false;
  if (head.status == CallHead::Status::kCall && is_known(head.name)) {
    begin_call(std::move(head), out);
  } else if (head.status == CallHead::Status::kEnd) {
    consume(opening_ + head.end);
    after_call_ = true;
    mode_ = Mode::kText;
  } else {
    no_call(out);
  }
  return true;
}

// What looked like a section is content: its first bytes at once, the rest as it is read again.
void CallSplitter::no_call(Parts* out) {
  if (first_) {
    content(bare_ ? opening_ + 1 : opening_, out);
  } else {
    after_call_ = true;
  }
  mode_ = Mode::kText;
}

void CallSplitter::begin_call(CallHead head, Parts* out) {
  consume(opening_ + head.end);
  opening_ = 0;
  out->push_back({.kind = Kind::kCallBegin, .text = std::move(head.name), .call = calls_});
  scanner_ = JsonScanner();
  mode_ = Mode::kArguments;
  if (!head.arguments) return;
  arguments(*std::move(head.arguments), out);
  mode_ = Mode::kTail;
}

bool CallSplitter::read_arguments(Parts* out) {
  size_t taken = 0;
  while (taken < buffer_.size() && scanner_.state() == JsonScanner::State::kOpen &&
         scanner_.push(buffer_[taken]))
    ++taken;
  arguments(buffer_.substr(0, taken), out);
  consume(taken);
  if (scanner_.state() == JsonScanner::State::kOpen) {
    if (over_) end_call(out);
    return over_;
  }
  mode_ = scanner_.state() == JsonScanner::State::kDone ? Mode::kTail : Mode::kBroken;
  return true;
}

bool CallSplitter::read_broken(Parts* out) {
  const std::string_view stop = syntax_.stop;
  const size_t found = stop.empty() ? std::string::npos : buffer_.find(stop);
  size_t taken = std::min(found, buffer_.size());
  if (found == std::string::npos && !over_ && !stop.empty()) taken -= bytes_to_hold(buffer_, {&stop, 1});
  arguments(buffer_.substr(0, taken), out);
  consume(taken);
  if (found == std::string::npos && !over_) return false;
  if (found != std::string::npos) consume(stop.size());
  end_call(out);
  return true;
}

bool CallSplitter::read_tail(Parts* out) {
  const CallTail tail = syntax_.tail(buffer_);
  const bool waits = tail.status == CallTail::Status::kMore;
  if (waits && !over_ && buffer_.size() <= kLongestHead) return false;
  consume(tail.end);
  end_call(out);
  if (tail.status == CallTail::Status::kNextCall) mode_ = Mode::kHead;
  return true;
}

void CallSplitter::end_call(Parts* out) {
  out->push_back({.kind = Kind::kCallEnd, .call = calls_++});
  first_ = false;
  after_call_ = true;
  mode_ = Mode::kText;
}

void CallSplitter::consume(size_t bytes) {
  buffer_.erase(0, bytes);
  offset_ += bytes;
}

void CallSplitter::content(size_t bytes, Parts* out) {
  if (bytes == 0) return;
  out->push_back({.kind = Kind::kContent, .text = buffer_.substr(0, bytes), .begin = offset_});
  consume(bytes);
}

void CallSplitter::arguments(std::string text, Parts* out) {
  if (!text.empty()) out->push_back({.kind = Kind::kCallArguments, .text = std::move(text), .call = calls_});
}

}  // namespace pingti::wire
