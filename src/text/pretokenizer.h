// Cuts text into the words that byte-level BPE merges within. Which steps a name stands for is listed in
// pretokenizer_table.cc. Immutable; any thread may call it.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/regex.h"

namespace pingti {

// One row of the table.
struct PretokenizerKind {
  // Steps cut every piece of the step before: what a pattern matches and what lies between the matches are
  // pieces of their own. A step is a pattern or one of the names below.
  std::vector<std::string_view> steps;
  bool nfc = false;            // normalizes first
  bool ignore_merges = false;  // a word that is a token stays one
  bool add_bos = false;        // unless the model file says otherwise

  // Falcon cuts digits out of the byte alphabet's spelling, where the bytes B2 B3 B9 BC BD BE look like
  // superscripts and fractions: runs of such, then groups of three ASCII digits.
  static constexpr std::string_view kByteAlphabetDigits = "@byte-alphabet-digits";
};

// nullptr if no such name (tokenizer.ggml.pre) is known. "" is "default".
const PretokenizerKind* find_pretokenizer(std::string_view name);

class Pretokenizer {
 public:
  static Result<Pretokenizer> create(const PretokenizerKind& kind);

  using Words = std::vector<std::string_view>;
  // The words, in order; together they are the whole text. Where text is not valid UTF-8, each stray byte
  // counts as a symbol.
  void split(std::string_view text, Words& words) const;

 private:
  using Ranges = std::vector<Regex::Range>;
  struct Step {
    std::vector<Regex> pattern;  // one, or none for the byte alphabet's digits
  };
  static void split_by_pattern(const Regex& pattern, std::string_view text, Regex::Range piece,
                               Regex::Scratch& scratch, Ranges& out);
  static void split_byte_digits(std::string_view text, Regex::Range piece, Ranges& out);

  std::vector<Step> steps_;
};

}  // namespace pingti
