// Answers of a given form: JSON, JSON Schema, regex, choice and grammar, by masks over the vocabulary.
//
// A GrammarCompiler belongs to one tokenizer: it checks a spec, compiles it with XGrammar (arXiv 2411.15100)
// on a thread of its own, and keeps what it compiled. An OutputConstraint is what a request carries,
// immutable and shared by its choices; an OutputMatcher follows one answer and says which tokens may come
// next.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/mask_stats.h"
#include "grammar/output_spec.h"

namespace pingti {

class Tokenizer;
class CompiledGrammar;  // for one tokenizer; immutable
class StartMarker;

struct OutputConstraint {
  std::shared_ptr<const CompiledGrammar> grammar;
  // Where set, the answer is free until it has said this text, and bound after it; end tokens are held back
  // until then, and tokens that would run beyond the text.
  std::shared_ptr<const StartMarker> start_after;
};

struct CompilerOptions {
  OutputLimits limits;
  size_t cache_bytes = 128u << 20;
  size_t most_queued = 4;  // compilations waiting for the one that runs
  std::chrono::milliseconds patience{10'000};
};

// All methods may be called from any thread.
class GrammarCompiler {
 public:
  // vocab: token ids the model's logits have; at least the tokenizer's. The tokenizer outlives the compiler.
  GrammarCompiler(const Tokenizer& tokenizer, int vocab, CompilerOptions options = {});
  ~GrammarCompiler();  // waits for a compilation that runs

  // Waits for the compilation, up to `patience`. Errors: "grammar.busy" and "grammar.slow" (kExhausted) and
  // what regex.h, gbnf.h and schema.h say. start_after: a text such as "</think>"; empty: bound from the
  // first token.
  OutputResult<std::shared_ptr<const OutputConstraint>> compile(const OutputSpec& spec,
                                                                std::string_view start_after = {});
  CompileStats stats() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// One thread at a time. May throw what the library throws (memory running out).
class OutputMatcher {
 public:
  explicit OutputMatcher(std::shared_ptr<const OutputConstraint> constraint);
  ~OutputMatcher();

  // Finds the masks of the next token and of the tokens after `draft`, as far as the draft is allowed.
  void prepare(std::span<const int32_t> draft, MaskStats* stats);
  // The mask after the first `drafted` tokens of the draft, as Sampler::sample takes it. Empty: prepare()
  // went not so far, because the answer has ended by then.
  std::span<const uint32_t> mask(size_t drafted) const;
  bool prepared() const;

  // The next token of the answer; forgets the masks. False if the grammar does not allow it.
  bool accept(int32_t token);
  // Nothing can follow: an end token was accepted, or the grammar is complete and the vocabulary has none.
  bool finished() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pingti
