#define PCRE2_CODE_UNIT_WIDTH 8
#include "text/regex.h"

#include <pcre2.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.h"

namespace pingti {
namespace {

// PCRE2's \s also takes U+180E, which left White_Space in Unicode 6.3.
constexpr std::string_view kWhiteSpace =
    R"(\x{09}-\x{0D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";

struct Additions {
  std::string_view category, ranges;
};

// Characters that Unicode 15 and 16 added and the distribution's PCRE2 (Unicode 14) does not know yet, for
// the categories that patterns ask for; of letters only the ideographs.
constexpr Additions kAdditions[] = {
    {"{L}", R"(\x{2B739}\x{2EBF0}-\x{2EE5D}\x{31350}-\x{323AF})"},
    {"{Lo}", R"(\x{2B739}\x{2EBF0}-\x{2EE5D}\x{31350}-\x{323AF})"},
    {"{S}",
     R"(\x{2427}-\x{2429}\x{2FFC}-\x{2FFF}\x{31E4}-\x{31E5}\x{31EF}\x{10D8E}-\x{10D8F}\x{1CC00}-\x{1CCEF})"
     R"(\x{1CD00}-\x{1CEB3}\x{1F6DC}\x{1F774}-\x{1F776}\x{1F77B}-\x{1F77F}\x{1F7D9}\x{1F8B2}-\x{1F8BB})"
     R"(\x{1F8C0}-\x{1F8C1}\x{1FA75}-\x{1FA77}\x{1FA87}-\x{1FA89}\x{1FA8F}\x{1FAAD}-\x{1FAAF})"
     R"(\x{1FABB}-\x{1FABF}\x{1FAC6}\x{1FACE}-\x{1FACF}\x{1FADA}-\x{1FADC}\x{1FADF}\x{1FAE8}-\x{1FAE9})"
     R"(\x{1FAF7}-\x{1FAF8}\x{1FBCB}-\x{1FBEF})"},
};

std::string expand_category(std::string_view category, bool in_class) {
  std::string expanded = "\\p" + std::string(category);
  for (const Additions& additions : kAdditions) {
    if (additions.category == category) expanded += additions.ranges;
  }
  return in_class ? expanded : "[" + expanded + "]";
}

std::string expand_classes(std::string_view pattern) {
  std::string expanded;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      const char escaped = pattern[++i];
      if (escaped == 's') {
        expanded += in_class ? std::string(kWhiteSpace) : "[" + std::string(kWhiteSpace) + "]";
      } else if (escaped == 'S' && !in_class) {
        expanded += "[^" + std::string(kWhiteSpace) + "]";
      } else if (escaped == 'p') {
        const size_t close = std::min(pattern.find('}', i), pattern.size() - 1);
        expanded += expand_category(pattern.substr(i + 1, close - i), in_class);
        i = close;
      } else {
        expanded += {c, escaped};
      }
      continue;
    }
    if (c == '[') in_class = true;
    if (c == ']') in_class = false;
    expanded += c;
  }
  return expanded;
}

struct MatchLimit {
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  MatchLimit() {
    PT_CHECK(context != nullptr);
    pcre2_set_match_limit(context, 50'000'000);
    pcre2_set_heap_limit(context, 64 * 1024);  // KiB
  }
  ~MatchLimit() { pcre2_match_context_free(context); }
};

}  // namespace

Regex::Scratch::Scratch() : data_(pcre2_match_data_create(1, nullptr)) { PT_CHECK(data_ != nullptr); }
Regex::Scratch::~Scratch() { pcre2_match_data_free(data_); }

Result<Regex> Regex::compile(std::string_view pattern) {
  const std::string expanded = expand_classes(pattern);
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expanded.data()), expanded.size(),
                                   PCRE2_UTF | PCRE2_UCP | PCRE2_NO_AUTO_CAPTURE, &error, &offset, nullptr);
  if (code == nullptr) {
    return fail(
        ErrorKind::kInvalid, "regex.malformed",
        "The pattern \"" + std::string(pattern) + "\" does not compile at offset " + std::to_string(offset));
  }
  Regex regex(code);
  regex.compiled_ = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0;
  return regex;
}

Regex::Regex(Regex&& other) noexcept
    : code_(std::exchange(other.code_, nullptr)), compiled_(other.compiled_) {}

Regex& Regex::operator=(Regex&& other) noexcept {
  std::swap(code_, other.code_);
  std::swap(compiled_, other.compiled_);
  return *this;
}

Regex::~Regex() { pcre2_code_free(code_); }

bool Regex::find(std::string_view text, size_t from, Scratch& scratch, Range& match) const {
  static const MatchLimit kLimit;
  const auto match_from = compiled_ ? pcre2_jit_match : pcre2_match;
  const uint32_t options = PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY;
  const int found = match_from(code_, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from, options,
                               scratch.data_, kLimit.context);
  if (found < 0) return false;
  const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(scratch.data_);
  match = {bounds[0], bounds[1]};
  return true;
}

}  // namespace pingti
