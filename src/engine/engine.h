// The engine: prompts in, token events out. What servers and commands run a model by; beside it only
// chat_tokens.h, dry_breakers.h, what measures a model without an engine (loaded_model.h) and what reads a
// file without running it (vocab_from_gguf.h, kv_type.h) are for them.
//
// Engine is an interface so that tests can script one. LocalEngine (make_engine) runs one model on this
// machine: a single thread of its own steps all sequences as one continuous batch. All methods may be
// called from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "grammar/mask_stats.h"
#include "grammar/output_spec.h"
#include "sample/sampling_params.h"

namespace pingti {

class Tokenizer;
class ChatTemplate;
class FairTurns;
struct OutputConstraint;

struct TokenLogprobInfo {
  int32_t token = 0;
  std::string bytes;  // the bytes the token stands for
  float logprob = 0;  // natural logarithm, of the model's own distribution (before temperature)
};

struct TokenLogprobs {
  TokenLogprobInfo chosen;
  std::vector<TokenLogprobInfo> top;  // most likely first
};

// How the states of a text's tokens become its embedding.
enum class Pooling { kNone, kMean, kLast };

enum class FinishReason { kStop, kLength, kCancelled, kError };

// The thinking part of an answer, for models that think before they answer: from the answer's start (`open`:
// the prompt has begun it), or from `begin` if the answer begins with that, up to `end`, both included. Stop
// strings are looked for behind it only.
struct Thinking {
  std::string begin;
  std::string end;
  bool open = false;
  // When so many tokens (the opening marker not counted) have not ended it, `forced` comes next, whatever the
  // logits say; it should spell `end`. -1: no limit.
  int64_t max_tokens = -1;
  std::vector<int32_t> forced;
};

struct GenerationRequest {
  std::string id;                    // for logs
  std::vector<int32_t> prompt;       // token ids, at least one
  int64_t max_tokens = -1;           // generated tokens per choice; -1: as many as the context holds
  int choices = 1;                   // n: independent answers to one prompt
  SamplingParams sampling;           // sampling.seed fixes every draw (a request without a seed gets one)
  std::vector<std::string> stop;     // the answer ends before any of these strings
  std::vector<int32_t> stop_tokens;  // besides the model's own end-of-generation tokens
  bool ignore_eos = false;
  int64_t min_tokens = 0;        // before so many, no token that ends the answer is drawn
  bool skip_special = true;      // control tokens are not shown in the text
  int top_logprobs = -1;         // -1: no logprobs; otherwise how many alternatives beside the chosen
  bool prompt_logprobs = false;  // logprobs of prompt tokens 1.. come in the PromptEvent (choice 0)

  // Not kNone: nothing is generated (max_tokens and choices must be 0 and 1); the PromptEvent brings the
  // prompt's embedding.
  Pooling embed = Pooling::kNone;
  // When it is computed; no answer depends on these.
  std::string tenant;  // whose request: lengths of answers are estimated for each
  int priority = 0;    // lower goes first within its lane
  int lane = -1;       // of EngineInfo::lanes; -1: as forecast() grades it
  // An answer not complete by then ends with the error "engine.deadline". none: no limit.
  std::optional<std::chrono::steady_clock::time_point> deadline;

  // Computed prefixes are shared by requests of equal salt, and only by them.
  std::string cache_salt;
  // A conversation: what it has computed stays in memory until it goes on (within its salt). Empty: none.
  std::string cache_key;

  // The form every choice must have, from Engine::constraint(); null: free. Not with ignore_eos.
  std::shared_ptr<const OutputConstraint> constraint;

  // Thinking and tool calls.
  std::optional<Thinking> thinking;   // null: the model's answers have no such part
  std::vector<int32_t> shown_tokens;  // control tokens that appear in the answer's text, as spelled
};

// Sent once, when the prompt has been computed.
struct PromptEvent {
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;            // of those, taken from the KV cache
  std::vector<TokenLogprobs> logprobs;  // for prompt tokens 1.., when asked
  // [hidden], when asked: states after the model's output norm, pooled in float64 in order of position, not
  // normalized.
  std::vector<float> embedding;
  double queue_seconds = 0;    // from submit() until it was taken into the batch
  double prefill_seconds = 0;  // from then until now
};

// Generated tokens of a choice; the token that ends an answer (end of generation, stop token) is not among
// them. `text` holds whole characters only and never any part of a stop string; it may be empty while a
// character or a possible stop string is incomplete. The last event may hold text alone: what was held back.
struct TokenEvent {
  int choice = 0;
  std::vector<int32_t> tokens;
  std::string text;
  std::vector<TokenLogprobs> logprobs;  // one per token, when asked
};

struct FinishEvent {
  int choice = 0;
  FinishReason reason = FinishReason::kStop;
  std::string stop_text;          // the stop string that ended it, if one did
  int64_t completion_tokens = 0;  // tokens drawn, the one that ended the answer included
  int64_t drafted_tokens = 0;     // guessed ahead by speculation: how many differs from run to run
  int64_t accepted_tokens = 0;    // of those, right
  int64_t thinking_tokens = 0;    // of the completion, those of its thinking part
  std::optional<Error> error;     // with kError
};

// Receives a request's events in order, on the engine's thread: hand over quickly, never block.
// After the last choice's finish() no more calls come.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void prompt(PromptEvent event) = 0;
  virtual void tokens(TokenEvent event) = 0;
  virtual void finish(FinishEvent event) = 0;
};

// Requests are sorted into lanes by the tokens they are expected to need, prompt and answer together: small
// ones need not wait behind large ones.
struct LaneInfo {
  std::string name;         // "S"
  int64_t most_tokens = 0;  // graded into this lane up to so many; the last lane takes all
  double share = 1;         // of prompt rows and places in the batch, against the other lanes' shares
  int64_t queue = 256;      // most choices waiting for the batch
};

struct EngineInfo {
  std::string model_name;  // file stem or general.name
  std::string architecture;
  std::string isa;                 // kernels in use
  std::string kernels;             // e.g. "avx512vnni, Q4_K Q6_K"
  std::string attention = "full";  // "window 1024, 4 sinks", "topp=0.95, …"
  int threads = 0;
  int64_t context = 0;  // largest prompt + answer of one sequence, tokens
  int64_t trained_context = 0;
  int64_t kv_tokens = 0;  // tokens all sequences together can hold
  int64_t vocab = 0;
  int64_t weight_bytes = 0;
  int64_t parameters = 0;
  int64_t hidden = 0;                // length of embeddings
  Pooling pooling = Pooling::kNone;  // what the model file names
  double load_seconds = 0;
  int max_sequences = 0;        // places in the batch; 0: unknown
  std::vector<LaneInfo> lanes;  // smallest first; empty: no lanes known
  // Memory: what all KV pages can come to hold, the draft model's counted; 0 where that is not known.
  int64_t kv_bytes = 0;
};

// What a request asks of the engine, as far as it is known: before its text is tokenized, an estimate.
struct Work {
  int64_t prompt_tokens = 0;
  int64_t max_tokens = -1;  // as GenerationRequest
  int choices = 1;
  int priority = 0;
  std::string tenant;
};

struct Forecast {
  int lane = 0;
  int64_t answer_tokens = 0;       // expected of a choice
  double first_token_seconds = 0;  // until its first token, were it submitted now; 0: nothing known
};

struct LaneStats {
  int64_t waiting = 0;             // choices not in the batch: not started, or put back
  int64_t running = 0;             // choices in the batch
  int64_t backlog_tokens = 0;      // prompt tokens to compute, of both
  uint64_t prompts = 0;            // computed; of these:
  double queue_seconds = 0;        // sum of the times from submit() until taken into the batch
  double first_token_seconds = 0;  // sum of the times from submit() until the prompt was computed
  uint64_t preemptions = 0;
};

// Tokens guessed ahead of the model and verified by it (speculative decoding).
struct SpeculationStats {
  uint64_t drafts = 0;  // guesses of one or more tokens
  uint64_t drafted_tokens = 0;
  uint64_t accepted_tokens = 0;
  std::vector<uint64_t> accepted_at;  // [place in its draft]
};

// Computed prefixes used again.
struct ReuseStats {
  int64_t kept_bytes = 0;      // pages that no sequence holds
  int64_t sessions = 0;        // cache keys with pinned pages
  uint64_t evicted_pages = 0;  // given up for others
  uint64_t coalesced = 0;      // sequences that waited for another to compute their beginning
  struct Disk {
    bool enabled = false;
    int64_t blocks = 0;
    int64_t bytes = 0;
    uint64_t hit_tokens = 0;  // read in instead of computed
    uint64_t bytes_read = 0;
    uint64_t bytes_written = 0;
    uint64_t evicted_blocks = 0;
    uint64_t healed_blocks = 0;   // found damaged and deleted
    uint64_t skipped_blocks = 0;  // not written, to keep up
    uint64_t write_errors = 0;
  } disk;
};

struct EngineStats {
  int64_t running = 0;         // sequences in the batch
  int64_t waiting = 0;         // requests not started yet
  double kv_usage = 0;         // 0..1
  uint64_t steps = 0;          // forward passes so far
  uint64_t prompt_tokens = 0;  // computed
  uint64_t generated_tokens = 0;
  uint64_t requests_finished = 0;
  uint64_t requests_cancelled = 0;
  uint64_t preemptions = 0;
  uint64_t parkings = 0;          // of these, with keys and values copied to plain memory
  uint64_t deadlines_missed = 0;  // requests ended by their deadline
  std::vector<LaneStats> lanes;   // as EngineInfo::lanes
  double prefill_rate = 0;        // prompt tokens per second, as steps have been going; 0: not measured
  SpeculationStats speculation;
  ReuseStats reuse;
  // Pairs of a query and a KV page, with an attention window or sparse attention: all, and those computed.
  uint64_t attention_pairs = 0;
  uint64_t attention_computed = 0;
  MaskStats masks;                // of constrained answers
  CompileStats grammars;          // compiled for them
  double seconds_since_step = 0;  // heartbeat: since the engine thread last looked for work
};

class Engine {
 public:
  virtual ~Engine() = default;

  virtual const EngineInfo& info() const = 0;
  virtual const Tokenizer& tokenizer() const = 0;
  virtual const ChatTemplate& chat_template() const = 0;

  // What a request carries so that its answers have a form. start_after: bound only after the answer has said
  // this text, such as "</think>". May take seconds (CompilerOptions::patience): not for the engine's sinks
  // or I/O threads. The constraint is for this engine's requests, while it lives.
  virtual OutputResult<std::shared_ptr<const OutputConstraint>> constraint(const OutputSpec&,
                                                                           const std::string& start_after);

  // Queues a request. Refused at once (no event follows) when the prompt is empty, holds a token outside
  // the vocabulary, or does not fit ("engine.context" names prompt length and context), and when its lane's
  // queue is full ("engine.queue_full"). The sink must stay valid until its last finish().
  virtual Result<uint64_t> submit(GenerationRequest request, std::shared_ptr<EventSink> sink) = 0;
  // Frees the request's work before the next step; its choices finish as kCancelled. Unknown ids are ignored.
  virtual void cancel(uint64_t request) = 0;

  // Lane and predicted wait of a request not submitted yet. tokens_ahead: prompt tokens of others that will
  // come before it and that the engine has not seen.
  virtual Forecast forecast(const Work& /*work*/, int64_t /*tokens_ahead*/) const { return {}; }

  virtual EngineStats stats() const = 0;
  // Refuses new requests ("engine.draining"), lets the others finish, returns when all are done. What is open
  // after `limit` (none: no limit) finishes as kCancelled.
  virtual void drain(std::optional<std::chrono::milliseconds> limit) = 0;
  void drain() { drain(std::nullopt); }
};

struct EngineOptions {
  std::string model_path;
  std::string speculate = "auto";  // off, ngram, draft, auto: n-gram, and the draft model if there is one
  std::string draft_model_path;    // a smaller model of the same vocabulary; empty: none
  int draft_max = 32;              // tokens guessed for one sequence in one step, up to 64
  int draft_min = 0;               // shorter guesses are not used
  int threads = 0;                 // 0: all CPUs granted
  int64_t context = 0;             // 0: the largest that fits memory and the model
  std::string isa;                 // empty: best
  std::string kv_type = "f16";     // engine/kv_type.h
  int64_t attention_window = 0;  // keys a query sees, over models trained with full attention; 0: as trained
  int64_t attention_sinks = 0;   // first tokens seen beside the window
  std::string sparse_attention;  // "topk=..." or "topp=...", see model/attention_policy.h; empty: off
  bool activations_f32 = false;
  int max_sequences = 32;    // choices computed in one batch
  int prefill_chunk = 512;   // most prompt tokens per step
  bool prefix_reuse = true;  // keep computed prefixes for later requests; changes no answer

  // Lanes (engine/lanes/lane_settings.h); changes no answer.
  std::string lanes = "on";                // or off: one line for all
  std::string lane_limits = "1024,8192";   // most tokens of S and of M
  std::string lane_shares = "60,20,20";    // of S, M and L
  std::string lane_queues = "256,128,64";  // most choices waiting in S, M and L
  double lane_ageing = 30;                 // seconds after which nobody passes a waiting request
  double swap_space = 0;                   // GiB of plain memory for the KV of preempted sequences

  std::function<void(double)> progress;  // fraction of the weights loaded

  // Conversations (cache_key) that keep their pages, and prefixes kept on disk.
  int64_t cache_keys = 1024;
  int64_t cache_key_tokens = 0;     // of each conversation; 0: as many as the share allows
  double cache_key_share = 0.5;     // of the KV memory, all conversations together
  double cache_key_seconds = 1800;  // after its last use a conversation keeps nothing
  std::string kv_disk;              // folder of prefixes that outlive the process; empty: none
  int64_t kv_disk_bytes = int64_t{10} << 30;
  // Beside other engines in one process:
  int64_t kv_memory = 0;  // bytes for all KV pages; 0: by the memory that is free after loading
  std::shared_ptr<FairTurns>
      turns;  // loading and steps take turns with others' (base/fair_turns.h); null: alone
};

Result<std::unique_ptr<Engine>> make_engine(const EngineOptions& options);

}  // namespace pingti
