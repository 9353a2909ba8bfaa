// A compiled pattern for splitting text, with the classes of tokenizer.json files: \s is Unicode's
// White_Space, \p{..} Unicode's categories, (?i:) Unicode's simple case folding. PCRE2, compiled to machine
// code where the machine allows. Immutable; any thread may use it with its own Scratch.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/result.h"

struct pcre2_real_code_8;
struct pcre2_real_match_data_8;

namespace pingti {

class Regex {
 public:
  struct Range {
    size_t begin, end;
  };
  // What matching writes to; one per thread at a time.
  class Scratch {
   public:
    Scratch();
    ~Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

   private:
    friend class Regex;
    pcre2_real_match_data_8* data_;
  };

  // Error: "regex.malformed".
  static Result<Regex> compile(std::string_view pattern);
  Regex(Regex&& other) noexcept;
  Regex& operator=(Regex&& other) noexcept;
  ~Regex();

  // The first non-empty match that begins at or after `from`. False if there is none, or if finding it
  // would take more than the match limit. `text` must be valid UTF-8.
  bool find(std::string_view text, size_t from, Scratch& scratch, Range& match) const;

 private:
  explicit Regex(pcre2_real_code_8* code) : code_(code) {}
  pcre2_real_code_8* code_;
  bool compiled_ = false;  // machine code
};

}  // namespace pingti
