#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>

#include "grammar/compile_queue.h"
#include "grammar/compiled_grammar.h"
#include "grammar/grammar_cache.h"
#include "grammar/library_log.h"
#include "grammar/output_grammar.h"
#include "grammar/prepared_grammar.h"
#include "grammar/start_marker.h"

namespace pingti {
namespace {

using Clock = std::chrono::steady_clock;
using Compiled = std::shared_ptr<const CompiledGrammar>;

// A value's parts may stand apart by so much white space: enough for indented JSON, and an end to models that
// would go on with it for ever.
constexpr int kMostWhitespace = 32;
constexpr int kPatientCallers = 2;
constexpr std::chrono::milliseconds kImpatience{1000};
constexpr size_t kMostMarkers = 8;
constexpr size_t kMostMarkerBytes = 64;

struct Outcome {
  OutputResult<Compiled> result = output_problem(ErrorKind::kInternal, "grammar.compile", "not compiled");
};

xgrammar::TokenizerInfo tokenizer_info(const Tokenizer& tokenizer, int vocab) {
  std::vector<std::string> words;
  words.reserve(static_cast<size_t>(tokenizer.size()));
  const auto& types = tokenizer.vocab().types;
  for (int32_t id = 0; id < tokenizer.size(); ++id) {
    const auto type =
        types.empty() ? TokenType::kNormal : static_cast<TokenType>(types[static_cast<size_t>(id)]);
    // Tokens that stand for no text are never allowed: empty strings to the library.
    const bool text = !tokenizer.is_control(id) && type != TokenType::kUnknown &&
                      type != TokenType::kUnused && type != TokenType::kUndefined;
    words.push_back(text ? std::string(tokenizer.token_bytes(id)) : std::string());
  }
  const auto ends = tokenizer.end_of_generation_ids();
  return {words, xgrammar::VocabType::RAW, vocab, std::vector<int32_t>(ends.begin(), ends.end())};
}

// The library's sentence, as far as it says something to the one who wrote the grammar.
OutputProblem library_problem(const std::string& message) {
  std::string text = message.substr(0, 300);
  while (!text.empty() && (text.back() == '\n' || text.back() == '.')) text.pop_back();
  return output_problem(ErrorKind::kInvalid, "grammar.compile", "it cannot be compiled: " + text).error();
}

OutputProblem ignored_problem(const PreparedGrammar& grammar, const std::string& warning) {
  if (!grammar.first_oneof.empty() && warning.find("oneOf") != std::string::npos) {
    return output_problem(
               ErrorKind::kUnsupported, "grammar.unsupported",
               "'oneOf' is enforced where no value can satisfy two cases: give the cases different types, or "
               "a required property of different constants; or use 'anyOf'",
               grammar.first_oneof)
        .error();
  }
  return output_problem(ErrorKind::kUnsupported, "grammar.unsupported",
                        "it cannot be enforced: " + warning.substr(0, 300))
      .error();
}

}  // namespace

struct GrammarCompiler::State {
  State(const Tokenizer& words, int vocab_size, const CompilerOptions& compiler_options)
      : tokenizer(&words),
        vocab(vocab_size),
        options(compiler_options),
        cache(options.cache_bytes),
        queue(options.most_queued) {}

  // On the queue's thread.
  OutputResult<Compiled> compile(const PreparedGrammar& grammar) {
    try {
      const LibraryWarnings warnings;
      if (!compiler) {
        compiler.emplace(tokenizer_info(*tokenizer, vocab), /*max_threads=*/1, /*cache_enabled=*/false);
      }
      auto compiled = grammar.schema ? compiler->CompileJSONSchema(grammar.text, /*any_whitespace=*/true,
                                                                   std::nullopt, std::nullopt,
                                                                   /*strict_mode=*/true, kMostWhitespace)
                                     : compiler->CompileGrammar(grammar.text);
      if (!warnings.all().empty()) return std::unexpected(ignored_problem(grammar, warnings.all()[0]));
      return std::make_shared<const CompiledGrammar>(std::move(compiled), vocab,
                                                     !tokenizer->end_of_generation_ids().empty());
    } catch (const std::bad_alloc&) {
      return output_problem(ErrorKind::kExhausted, "grammar.memory",
                            "there is not enough memory to compile it");
    } catch (const std::exception& exception) {
      return std::unexpected(library_problem(exception.what()));
    }
  }

  OutputResult<Compiled> grammar(const PreparedGrammar& prepared);

  const Tokenizer* tokenizer;
  int vocab;
  CompilerOptions options;
  std::optional<xgrammar::GrammarCompiler> compiler;  // the queue's thread's own, made when first wanted

  std::mutex mutex;  // cache, stats, markers, pending
  GrammarCache cache;
  CompileStats stats;
  std::vector<std::shared_ptr<const StartMarker>> markers;
  struct Pending {
    std::shared_ptr<CompileQueue::Job> job;
    std::shared_ptr<Outcome> outcome;
  };
  std::unordered_map<std::string, Pending> pending;

  std::atomic<int> waiting = 0;
  CompileQueue queue;  // last: its thread ends first
};

OutputResult<Compiled> GrammarCompiler::State::grammar(const PreparedGrammar& prepared) {
  const std::string key = prepared.key();
  Pending mine;
  {
    const std::lock_guard lock(mutex);
    if (Compiled found = cache.find(key)) {
      ++stats.cache_hits;
      return found;
    }
    if (const auto found = pending.find(key); found != pending.end()) {
      mine = found->second;
    } else {
      mine.outcome = std::make_shared<Outcome>();
      mine.job = queue.add([this, key, prepared, outcome = mine.outcome] {
        const auto begin = Clock::now();
        outcome->result = compile(prepared);
        const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
        const std::lock_guard done(mutex);
        pending.erase(key);
        stats.seconds += seconds;
        ++(outcome->result ? stats.compiled : stats.refused);
        if (outcome->result) cache.add(key, *outcome->result, (*outcome->result)->get().MemorySizeBytes());
      });
      if (!mine.job)
        return output_problem(ErrorKind::kExhausted, "grammar.busy",
                              "too many grammars are being compiled; try again");
      pending.emplace(key, mine);
    }
  }
  // Callers hold threads that others need: few may wait long.
  const bool many = waiting.fetch_add(1) >= kPatientCallers;
  const auto limit = many ? std::min(options.patience, kImpatience) : options.patience;
  const bool ready = mine.job->wait(limit);
  --waiting;
  if (ready) return mine.outcome->result;
  const std::lock_guard lock(mutex);
  ++stats.timeouts;
  return output_problem(
      ErrorKind::kExhausted, "grammar.slow",
      fmt::format("it was not compiled within {} seconds; try again later, or make it smaller",
                  static_cast<double>(limit.count()) / 1000));
}

GrammarCompiler::GrammarCompiler(const Tokenizer& tokenizer, int vocab, CompilerOptions options)
    : state_(std::make_unique<State>(tokenizer, std::max(vocab, tokenizer.size()), options)) {}
GrammarCompiler::~GrammarCompiler() = default;

OutputResult<std::shared_ptr<const OutputConstraint>> GrammarCompiler::compile(const OutputSpec& spec,
                                                                               std::string_view start_after) {
  auto prepared = prepare_grammar(spec, state_->options.limits);
  if (!prepared) {
    const std::lock_guard lock(state_->mutex);
    ++state_->stats.refused;
    return std::unexpected(std::move(prepared.error()));
  }
  auto grammar = state_->grammar(*prepared);
  if (!grammar) return std::unexpected(std::move(grammar.error()));
  auto constraint = std::make_shared<OutputConstraint>();
  constraint->grammar = std::move(*grammar);
  if (start_after.empty()) return constraint;
  if (start_after.size() > kMostMarkerBytes)
    return output_problem(ErrorKind::kTooLarge, "grammar.limit",
                          "the text that a grammar starts after is too long");
  const std::lock_guard lock(state_->mutex);
  for (const auto& marker : state_->markers) {
    if (marker->text() == start_after) constraint->start_after = marker;
  }
  if (!constraint->start_after) {
    if (state_->markers.size() >= kMostMarkers) state_->markers.erase(state_->markers.begin());
    constraint->start_after =
        std::make_shared<const StartMarker>(std::string(start_after), *state_->tokenizer, state_->vocab);
    state_->markers.push_back(constraint->start_after);
  }
  return constraint;
}

CompileStats GrammarCompiler::stats() const {
  const std::lock_guard lock(state_->mutex);
  CompileStats stats = state_->stats;
  stats.cache_bytes = state_->cache.bytes();
  return stats;
}

}  // namespace pingti
