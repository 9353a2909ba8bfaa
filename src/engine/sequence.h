// What the engine knows about a request and about each of its choices. Owned and used by the engine's
// thread alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "cache/page_table.h"
#include "engine/engine.h"
#include "engine/lanes/parked_kv.h"
#include "engine/speculation/speculator.h"
#include "engine/text_stream.h"
#include "engine/thinking.h"
#include "grammar/output_grammar.h"
#include "sample/sampler.h"
#include "store/block.h"

namespace pingti {

struct RequestState {
  uint64_t id = 0;
  GenerationRequest request;
  std::shared_ptr<EventSink> sink;
  bool prompt_sent = false;
  bool sink_failed = false;  // the sink threw: the request is dropped
  int64_t cached_tokens = 0;
  std::vector<TokenLogprobs> prompt_logprobs;  // of prompt tokens 1.., as far as computed
  int open_choices = 0;
  std::vector<double> state_sum;  // [hidden], of the states of the prompt's first pooled_tokens tokens
  int64_t pooled_tokens = 0;
  int lane = 0;
  std::chrono::steady_clock::time_point arrived{};                // submitted
  std::optional<std::chrono::steady_clock::time_point> taken_in;  // first choice, into the batch, first time

  int64_t prompt_tokens() const { return static_cast<int64_t>(request.prompt.size()); }
  bool embeds() const { return request.embed != Pooling::kNone; }
  // Every prompt token has to be computed: none can come from the cache.
  bool reads_all_rows() const { return wants_prompt_logprobs() || request.embed == Pooling::kMean; }
  bool wants_prompt_logprobs() const { return request.prompt_logprobs && !prompt_sent; }
};

// What prefix reuse notes of a sequence (prefix_reuse.h, disk_reuse.h).
struct SequenceReuse {
  static constexpr size_t kNotStored = std::numeric_limits<size_t>::max();

  int64_t seen_computed = -1;    // before the last step
  int passed_over = 0;           // steps in a row that computed a later prompt instead
  bool idle = false;             // the last step computed nothing of it
  bool waited = false;           // for another to compute its pages
  bool loaded = false;           // blocks on disk were looked for
  std::vector<BlockName> names;  // the root's, then one per page
  size_t stored = 0;  // pages from the first on that are on disk or on the way; kNotStored: no more
};

// One choice. Its tokens up to `computed` have their keys and values in the pages of `table`; after a
// preemption that is none of them, and they are copied back from `parked` or computed again.
struct Sequence {
  std::shared_ptr<RequestState> request;
  int choice = 0;
  std::vector<int32_t> tokens;  // prompt and what has been drawn
  int64_t limit = 0;            // the answer is cut when tokens.size() reaches it
  int64_t computed = 0;
  PageTable table;
  Sampler sampler;
  TextStream text;
  SequenceSpeculation speculation;
  SequenceReuse reuse;
  std::unique_ptr<OutputMatcher> matcher;  // follows the answer where it must have a form; null: it is free
  ThinkingTracker thinking;                // of the tokens drawn
  int64_t drawn = 0;
  std::optional<ParkedKv> parked;
  bool short_of_pages = false;  // when it was last to be taken in

  Sequence(std::shared_ptr<RequestState> owner, int choice_index, int64_t token_limit, PageTable empty_table,
           Sampler choice_sampler, const Tokenizer& tokenizer)
      : request(std::move(owner)),
        choice(choice_index),
        tokens(request->request.prompt),
        limit(token_limit),
        table(std::move(empty_table)),
        sampler(std::move(choice_sampler)),
        text(tokenizer, request->request.stop, request->request.shown_tokens, request->request.skip_special),
        thinking(request->request.thinking ? &*request->request.thinking : nullptr) {
    if (request->request.constraint) matcher = std::make_unique<OutputMatcher>(request->request.constraint);
  }

  int64_t size() const { return static_cast<int64_t>(tokens.size()); }
  int64_t pending() const { return size() - computed; }
  size_t lane() const { return static_cast<size_t>(request->lane); }
  std::span<const int32_t> computed_tokens() const {
    return std::span(tokens).first(static_cast<size_t>(computed));
  }
  // The prompt is computed once, by choice 0; the others start from its pages.
  bool awaits_first_choice() const { return choice > 0 && !request->prompt_sent; }
};

// Older first: by arrival, then by choice.
inline bool older(const Sequence& a, const Sequence& b) {
  return a.request->id != b.request->id ? a.request->id < b.request->id : a.choice < b.choice;
}

}  // namespace pingti
