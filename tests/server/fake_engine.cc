#include "fake_engine.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "engine/thinking.h"

namespace pingti {
namespace {

constexpr std::string_view kUserStart = "<|im_start|>user\n";
constexpr std::string_view kTurnEnd = "<|im_end|>";

// 256 byte tokens in the printable alphabet of byte-level BPE, then ChatML's and fill-in-the-middle tokens.
Vocab byte_vocab() {
  Vocab vocab;
  vocab.model = "gpt2";
  vocab.pre = "gpt-2";
  int shifted = 256;
  for (int byte = 0; byte < 256; ++byte) {
    bool printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    int point = printable ? byte : shifted++;
    std::string text;
    if (point < 0x80) {
      text += static_cast<char>(point);
    } else {
      text += static_cast<char>(0xC0 | (point >> 6));
      text += static_cast<char>(0x80 | (point & 0x3F));
    }
    vocab.tokens.push_back(text);
    vocab.types.push_back(static_cast<int32_t>(TokenType::kNormal));
  }
  auto control = [&](const char* text) {
    vocab.tokens.push_back(text);
    vocab.types.push_back(static_cast<int32_t>(TokenType::kControl));
    return static_cast<int32_t>(vocab.tokens.size() - 1);
  };
  control("<|im_start|>");
  vocab.eos = vocab.eot = control("<|im_end|>");
  for (const char* text : {"[TOOL_CALLS]", "<|python_tag|>"}) control(text);
  vocab.fim_prefix = control("<|fim_prefix|>");
  vocab.fim_suffix = control("<|fim_suffix|>");
  vocab.fim_middle = control("<|fim_middle|>");
  return vocab;
}

uint64_t mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

std::string last_user_message(const std::string& prompt) {
  size_t start = prompt.rfind(kUserStart);
  if (start == std::string::npos) return prompt;
  start += kUserStart.size();
  return prompt.substr(start, prompt.find(kTurnEnd, start) - start);
}

// Bytes at the end of text that may become a stop string or a whole character.
size_t uncertain(const std::string& text, const std::vector<std::string>& stops) {
  size_t held = 0;
  for (const std::string& stop : stops) {
    for (size_t n = std::min(stop.size() - 1, text.size()); n > held; --n) {
      if (text.ends_with(stop.substr(0, n))) held = n;
    }
  }
  for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
    auto c = static_cast<unsigned char>(text[text.size() - back]);
    if ((c & 0xC0) == 0x80) continue;
    size_t length = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;
    if (length > back) held = std::max(held, back);
    break;
  }
  return held;
}

}  // namespace

struct FakeEngine::Job {
  uint64_t id;
  GenerationRequest request;
  std::shared_ptr<EventSink> sink;
  std::string script;
  int open;
};

struct FakeEngine::Sequence {
  std::shared_ptr<Job> job;
  int choice;
  ThinkingTracker thinking;
  size_t at = 0;  // in the script
  int64_t made = 0;
  std::string pending;  // made and not sent
  std::unique_ptr<OutputMatcher> matcher = nullptr;

  Sequence(std::shared_ptr<Job> owner, int index)
      : job(std::move(owner)),
        choice(index),
        thinking(job->request.thinking ? &*job->request.thinking : nullptr) {}
};

Result<std::unique_ptr<FakeEngine>> FakeEngine::create(FakeOptions options) {
  PT_TRY(auto tokenizer, Tokenizer::create(byte_vocab()));
  std::string source(ChatTemplate::fallback());
  if (!options.chat_template.empty()) {
    PT_TRY(source, read_file(options.chat_template, 1 << 20));
  }
  PT_TRY(auto chat, ChatTemplate::create(std::move(source), "", "<|im_end|>"));
  return std::unique_ptr<FakeEngine>(new FakeEngine(options, std::move(tokenizer), std::move(chat)));
}

FakeEngine::FakeEngine(FakeOptions options, std::unique_ptr<Tokenizer> tokenizer, ChatTemplate chat_template)
    : options_(options), tokenizer_(std::move(tokenizer)), template_(std::move(chat_template)) {
  info_.model_name = "fake";
  info_.architecture = "fake";
  info_.isa = "none";
  info_.kernels = "none";
  info_.threads = 1;
  info_.context = info_.trained_context = options_.context;
  info_.kv_tokens = options_.context * 8;
  info_.vocab = tokenizer_->size();
  info_.hidden = 8;
  info_.max_sequences = static_cast<int>(options_.max_batch);
  info_.lanes = options_.lanes.lanes;
  compiler_ = std::make_unique<GrammarCompiler>(*tokenizer_, tokenizer_->size());
  thread_ = std::thread([this] { run(); });
}

FakeEngine::~FakeEngine() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Result<uint64_t> FakeEngine::submit(GenerationRequest request, std::shared_ptr<EventSink> sink) {
  std::lock_guard lock(mutex_);
  if (draining_) return fail(ErrorKind::kExhausted, "engine.draining", "the engine is stopping");
  if (request.prompt.empty()) return fail(ErrorKind::kInvalid, "engine.prompt", "the prompt is empty");
  for (int32_t id : request.prompt) {
    if (id < 0 || id >= info_.vocab) {
      return fail(ErrorKind::kInvalid, "engine.token", fmt::format("token {} is outside the vocabulary", id));
    }
  }
  auto length = static_cast<int64_t>(request.prompt.size());
  if (length >= info_.context) {
    return fail(ErrorKind::kTooLarge, "engine.context",
                fmt::format("the prompt has {} tokens and the context holds {}", length, info_.context));
  }
  int64_t room = info_.context - length;
  request.max_tokens = request.max_tokens < 0 ? room : std::min(room, request.max_tokens);
  if (request.lane < 0) request.lane = lane_of(request);
  std::string script = last_user_message(tokenizer_->decode(request.prompt));
  if (!options_.answer.empty()) script = options_.answer;
  stalled_ |= script == "stall";
  if (script == "cache scope") script = request.cache_salt + "|" + request.cache_key;
  auto job = std::make_shared<Job>(next_id_++, std::move(request), std::move(sink), std::move(script), 0);
  job->open = job->request.choices;
  waiting_.push_back(job);
  ++jobs_;
  changed_.notify_all();
  return job->id;
}

void FakeEngine::cancel(uint64_t request) {
  std::lock_guard lock(mutex_);
  cancelled_.push_back(request);
  changed_.notify_all();
}

int FakeEngine::lane_of(const GenerationRequest& request) const {
  const Work work{.prompt_tokens = static_cast<int64_t>(request.prompt.size()),
                  .max_tokens = request.max_tokens,
                  .choices = request.choices};
  return lane_of(work);
}

int FakeEngine::lane_of(const Work& work) const {
  const int64_t answer = std::min<int64_t>(256, work.max_tokens < 0 ? 256 : work.max_tokens);
  return options_.lanes.lane_of(work.prompt_tokens + answer * work.choices);
}

Forecast FakeEngine::forecast(const Work& work, int64_t tokens_ahead) const {
  std::lock_guard lock(mutex_);
  int64_t tokens = tokens_ahead + work.prompt_tokens;
  for (const auto& job : waiting_) tokens += static_cast<int64_t>(job->request.prompt.size());
  Forecast forecast{.lane = lane_of(work)};
  if (options_.prefill_rate > 0)
    forecast.first_token_seconds = static_cast<double>(tokens) / options_.prefill_rate;
  return forecast;
}

EngineStats FakeEngine::stats() const {
  std::lock_guard lock(mutex_);
  EngineStats stats = stats_;
  stats.lanes.resize(info_.lanes.size());
  for (const auto& job : waiting_) {
    LaneStats& lane = stats.lanes[static_cast<size_t>(job->request.lane)];
    lane.waiting += job->request.choices;
    lane.backlog_tokens += static_cast<int64_t>(job->request.prompt.size());
  }
  for (const Sequence& sequence : running_)
    ++stats.lanes[static_cast<size_t>(sequence.job->request.lane)].running;
  stats.prefill_rate = options_.prefill_rate;
  stats.waiting = static_cast<int64_t>(waiting_.size());
  stats.running = static_cast<int64_t>(running_.size());
  stats.grammars = compiler_->stats();
  stats.seconds_since_step = stalled_ ? 1000 : 0;
  return stats;
}

void FakeEngine::drain(std::optional<std::chrono::milliseconds> limit) {
  std::unique_lock lock(mutex_);
  draining_ = true;
  const auto done = [&] { return jobs_ == 0; };
  if (limit && !changed_.wait_for(lock, *limit, done)) {
    for (const auto& job : waiting_) cancelled_.push_back(job->id);
    for (const Sequence& sequence : running_) cancelled_.push_back(sequence.job->id);
    changed_.notify_all();
  }
  changed_.wait(lock, done);
}

void FakeEngine::start_waiting() {
  while (!waiting_.empty() && running_.size() < options_.max_batch) {
    auto first =
        std::ranges::min_element(waiting_, {}, [](const auto& job) { return job->request.priority; });
    auto job = *first;
    waiting_.erase(first);
    PromptEvent event{static_cast<int64_t>(job->request.prompt.size()), 0, {}};
    if (job->request.prompt_logprobs) {
      for (size_t i = 1; i < job->request.prompt.size(); ++i) {
        int32_t id = job->request.prompt[i];
        event.logprobs.push_back({{id, std::string(tokenizer_->token_bytes(id)), -0.5f}, {}});
      }
    }
    if (job->request.embed != Pooling::kNone) {
      // Of each token's byte, eight bits as +1 or -1: of the last, or of all the mean.
      event.embedding.resize(8);
      const auto& prompt = job->request.prompt;
      const size_t first = job->request.embed == Pooling::kLast ? prompt.size() - 1 : 0;
      for (size_t i = first; i < prompt.size(); ++i) {
        const auto byte = static_cast<unsigned char>(tokenizer_->token_bytes(prompt[i])[0]);
        for (unsigned bit = 0; bit < 8; ++bit)
          event.embedding[bit] +=
              (byte >> bit & 1 ? 1.0f : -1.0f) / static_cast<float>(prompt.size() - first);
      }
    }
    stats_.prompt_tokens += static_cast<uint64_t>(event.prompt_tokens);
    job->sink->prompt(std::move(event));
    for (int c = 0; c < job->request.choices; ++c) {
      running_.emplace_back(job, c);
      if (job->request.constraint)
        running_.back().matcher = std::make_unique<OutputMatcher>(job->request.constraint);
    }
  }
}

void FakeEngine::finish(Sequence& sequence, FinishReason reason, std::string stop_text, std::string error) {
  FinishEvent event{.choice = sequence.choice,
                    .reason = reason,
                    .stop_text = std::move(stop_text),
                    .completion_tokens = sequence.made,
                    .thinking_tokens = sequence.thinking.tokens()};
  if (reason == FinishReason::kError)
    event.error = Error{ErrorKind::kInternal, error.empty() ? "engine.fake" : error, "scripted failure", ""};
  if (reason == FinishReason::kCancelled) ++stats_.requests_cancelled;
  sequence.job->sink->finish(std::move(event));
  if (--sequence.job->open == 0) {
    --jobs_;
    ++stats_.requests_finished;
    changed_.notify_all();
  }
}

// Tokens drawn evenly from what the constraint allows.
bool FakeEngine::step_constrained(Sequence& sequence) {
  const Job& job = *sequence.job;
  const auto position = static_cast<uint64_t>(sequence.made);
  if (sequence.made >= job.request.max_tokens) return finish(sequence, FinishReason::kLength), true;
  sequence.matcher->prepare({}, &stats_.masks);
  const auto mask = sequence.matcher->mask(0);
  std::vector<int32_t> allowed;
  for (int32_t id = 0; id < tokenizer_->size(); ++id) {
    if ((mask[static_cast<size_t>(id) / 32] >> (id % 32) & 1) != 0) allowed.push_back(id);
  }
  const uint64_t draw =
      mix(job.request.sampling.seed + mix(static_cast<uint64_t>(sequence.choice) * 1'000'003 + position));
  const int32_t id = allowed.at(draw % allowed.size());
  ++sequence.made;
  ++stats_.generated_tokens;
  sequence.matcher->accept(id);
  if (tokenizer_->is_end_of_generation(id)) return finish(sequence, FinishReason::kStop), true;
  sequence.pending += tokenizer_->token_bytes(id);
  std::string text = sequence.pending.substr(0, sequence.pending.size() - uncertain(sequence.pending, {}));
  sequence.pending.erase(0, text.size());
  job.sink->tokens({sequence.choice, {id}, std::move(text), {}});
  return false;
}

bool FakeEngine::step(Sequence& sequence) {
  if (sequence.matcher) return step_constrained(sequence);
  const Job& job = *sequence.job;
  const GenerationRequest& request = job.request;
  auto flush = [&](std::vector<int32_t> tokens, std::vector<TokenLogprobs> logprobs, size_t hold) {
    std::string text = sequence.pending.substr(0, sequence.pending.size() - hold);
    sequence.pending.erase(0, text.size());
    if (!tokens.empty() || !text.empty()) {
      job.sink->tokens({sequence.choice, std::move(tokens), std::move(text), std::move(logprobs)});
    }
  };
  bool random = job.script == "random";
  bool forever = job.script == "forever";
  size_t position = sequence.at;
  bool at_end = !forever && position >= (random ? 20 : job.script.size());
  if (sequence.made >= request.max_tokens || at_end) {
    flush({}, {}, 0);
    return finish(sequence, at_end ? FinishReason::kStop : FinishReason::kLength), true;
  }
  if (job.script == "fail" && position == 3) return finish(sequence, FinishReason::kError), true;

  char byte = forever ? "over and "[position % 9] : random ? '?' : job.script[position];
  if (random) {
    uint64_t draw =
        mix(request.sampling.seed + mix(static_cast<uint64_t>(sequence.choice) * 1000 + position));
    byte = static_cast<char>('a' + (request.sampling.temperature == 0 ? position : draw) % 26);
  }
  if (const auto forced = sequence.thinking.forced()) {
    byte = tokenizer_->token_bytes(*forced)[0];
    const size_t end = job.script.find(request.thinking->end, position);
    if (end != std::string::npos) sequence.at = end + request.thinking->end.size();
  } else {
    ++sequence.at;
  }
  ++sequence.made;
  ++stats_.generated_tokens;
  sequence.pending += byte;
  int32_t id = tokenizer_->encode(std::string(1, byte), {.add_special = false, .parse_special = false})[0];
  sequence.thinking.push(id, {&byte, 1});
  std::vector<TokenLogprobs> logprobs;
  if (request.top_logprobs >= 0) {
    const float logprob = random ? -0.125f * static_cast<float>(byte - 'a' + 1) : -0.25f;
    TokenLogprobs scores{{id, std::string(1, byte), logprob}, {}};
    for (int k = 0; k < request.top_logprobs; ++k) {
      int32_t other = (id + k) % 256;
      scores.top.push_back(
          {other, std::string(tokenizer_->token_bytes(other)), logprob - static_cast<float>(k)});
    }
    logprobs.push_back(std::move(scores));
  }
  static const std::vector<std::string> kNone;
  const bool thinks = sequence.thinking.inside();
  const std::vector<std::string>& stops = thinks ? kNone : request.stop;
  for (const std::string& stop : stops) {
    size_t found = sequence.pending.find(stop);
    if (found == std::string::npos) continue;
    flush({id}, std::move(logprobs), sequence.pending.size() - found);
    return finish(sequence, FinishReason::kStop, stop), true;
  }
  if (std::ranges::find(request.stop_tokens, id) != request.stop_tokens.end() &&
      sequence.made > request.min_tokens) {
    sequence.pending.pop_back();
    flush({}, {}, 0);
    return finish(sequence, FinishReason::kStop), true;
  }
  flush({id}, std::move(logprobs), uncertain(sequence.pending, stops));
  return false;
}

void FakeEngine::end(uint64_t id, FinishReason reason, const std::string& error) {
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    if ((*it)->id != id) {
      ++it;
      continue;
    }
    for (int c = 0; c < (*it)->request.choices; ++c) {
      Sequence sequence(*it, c);
      finish(sequence, reason, {}, error);
    }
    it = waiting_.erase(it);
  }
  std::erase_if(running_, [&](Sequence& sequence) {
    if (sequence.job->id != id) return false;
    finish(sequence, reason, {}, error);
    return true;
  });
}

void FakeEngine::end_overdue() {
  const auto now = std::chrono::steady_clock::now();
  std::vector<uint64_t> overdue;
  const auto look = [&](const Job& job) {
    if (job.request.deadline && *job.request.deadline <= now) overdue.push_back(job.id);
  };
  for (const auto& job : waiting_) look(*job);
  for (const Sequence& sequence : running_) look(*sequence.job);
  for (const uint64_t id : overdue) end(id, FinishReason::kError, "engine.deadline");
  stats_.deadlines_missed += overdue.size();
}

void FakeEngine::run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    for (uint64_t id : std::exchange(cancelled_, {})) end(id, FinishReason::kCancelled);
    end_overdue();
    start_waiting();
    if (running_.empty()) {
      changed_.wait(lock);
      continue;
    }
    std::erase_if(running_, [&](Sequence& sequence) { return step(sequence); });
    ++stats_.steps;
    changed_.wait_for(lock, std::chrono::duration<double, std::milli>(options_.pace_ms),
                      [&] { return stop_ || !cancelled_.empty(); });
  }
}

}  // namespace pingti
