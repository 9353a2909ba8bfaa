// A grammar compiled for one vocabulary: XGrammar's object, for output_grammar.cc and grammar_cache.h alone.
#pragma once

#include <xgrammar/xgrammar.h>

#include <memory>

#include "text/tokenizer.h"

namespace pingti {

class CompiledGrammar {
 public:
  CompiledGrammar(xgrammar::CompiledGrammar compiled, int vocab, bool has_end_tokens)
      : compiled_(std::move(compiled)), vocab_(vocab), has_end_tokens_(has_end_tokens) {}

  const xgrammar::CompiledGrammar& get() const { return compiled_; }
  int vocab() const { return vocab_; }
  bool has_end_tokens() const { return has_end_tokens_; }

 private:
  xgrammar::CompiledGrammar compiled_;
  int vocab_;
  bool has_end_tokens_;
};

}  // namespace pingti
