#include "text/detokenizer.h"

#include "text/utf8.h"

namespace pingti {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

}  // namespace

std::string Utf8Stream::push(std::string_view bytes) {
  pending_ += bytes;
  std::string_view rest = pending_;
  std::string text;
  while (!rest.empty()) {
    const Utf8Char next = decode_utf8(rest);
    if (next.status == Utf8Status::kIncomplete) break;
    append_utf8(text, next.code);
    rest.remove_prefix(next.length);
  }
  pending_.erase(0, pending_.size() - rest.size());
  return text;
}

std::string Utf8Stream::finish() {
  std::string text;
  if (!pending_.empty()) append_utf8(text, kReplacement);  // a cut-off beginning is one malformed subpart
  pending_.clear();
  return text;
}

Detokenizer::Detokenizer(const Tokenizer& tokenizer, bool skip_special, bool continues)
    : tokenizer_(&tokenizer),
      skip_special_(skip_special),
      strip_space_(!continues && tokenizer.strips_leading_space()) {}

std::string Detokenizer::push(int32_t id, bool show) {
  if (skip_special_ && !show && tokenizer_->is_control(id)) return {};
  std::string_view bytes = tokenizer_->token_bytes(id);
  if (strip_space_ && !bytes.empty()) {
    strip_space_ = false;
    if (bytes.starts_with(' ')) bytes.remove_prefix(1);
  }
  return utf8_.push(bytes);
}

std::string Detokenizer::finish() { return utf8_.finish(); }

}  // namespace pingti
