#include "engine/prefix_reuse.h"

#include <algorithm>

namespace pingti {
namespace {

// Steps that computed a later prompt instead of its own, after which a sequence is not waited for.
constexpr int kPatience = 8;
constexpr std::chrono::milliseconds kRest{2};

const std::string& salt_of(const Sequence& sequence) { return sequence.request->request.cache_salt; }

// What may come from elsewhere: the last token is always computed, its row yields the next one.
std::span<const int32_t> reusable(const Sequence& sequence) {
  return std::span(sequence.tokens).first(sequence.tokens.size() - 1);
}

// Tokens in whole pages that both begin with.
int64_t common_tokens(std::span<const int32_t> a, std::span<const int32_t> b, int page_tokens) {
  const auto [end, other] = std::ranges::mismatch(a, b);
  return (end - a.begin()) / page_tokens * page_tokens;
}

}  // namespace

void PrefixReuse::begin_plan(Running running) {
  if (disk_) disk_->collect();
  const Sequence* latest = nullptr;  // of those whose prompt went on in the last step
  for (const auto& sequence : running) {
    const bool went_on = sequence->drawn == 0 && sequence->computed > sequence->reuse.seen_computed;
    if (went_on && (latest == nullptr || older(*latest, *sequence))) latest = sequence.get();
  }
  for (const auto& sequence : running) {
    SequenceReuse& reuse = sequence->reuse;
    reuse.idle = sequence->computed == reuse.seen_computed;
    if (sequence->computed != reuse.seen_computed) {
      reuse.passed_over = 0;
    } else if (latest != nullptr && older(*sequence, *latest)) {
      ++reuse.passed_over;
    }
    reuse.seen_computed = sequence->computed;
  }
}

bool PrefixReuse::should_wait(Sequence& waiting, Running running) {
  // The scores of a whole prompt need all its rows.
  if (!space_->reuses() || waiting.request->reads_all_rows()) return false;
  const auto tokens = reusable(waiting);
  if (tokens.size() < static_cast<size_t>(space_->page_tokens())) return false;
  const int64_t remembered = space_->remembered(tokens, salt_of(waiting));
  for (const auto& other : running) {
    // Only who is no further behind than this one would be.
    if (other->computed < remembered || other->reuse.passed_over >= kPatience ||
        salt_of(*other) != salt_of(waiting))
      continue;
    // A small one does not wait for a large one's turn.
    if (waiting.request->lane < other->request->lane && other->reuse.idle) continue;
    const int64_t common = common_tokens(tokens, other->tokens, space_->page_tokens());
    if (common <= remembered || common <= other->computed) continue;
    if (!waiting.reuse.waited) ++coalesced_;
    waiting.reuse.waited = true;
    return true;
  }
  return disk_ && disk_->should_wait(waiting, tokens, remembered, static_cast<int64_t>(running.size()));
}

void PrefixReuse::attach(Sequence& sequence) {
  const GenerationRequest& request = sequence.request->request;
  if (!sequence.request->reads_all_rows())
    sequence.computed = space_->attach(reusable(sequence), sequence.table, request.cache_salt);
  if (!request.cache_key.empty())
    space_->touch_session(request.cache_key, request.cache_salt, SessionPins::Clock::now());
}

void PrefixReuse::computed(Sequence& sequence) {
  space_->remember(sequence.computed_tokens(), sequence.table, salt_of(sequence));
  if (disk_) disk_->computed(sequence);
}

void PrefixReuse::leaving(Sequence& sequence) {
  const GenerationRequest& request = sequence.request->request;
  if (!request.cache_key.empty()) {
    space_->keep_session(request.cache_key, sequence.computed_tokens(), request.cache_salt,
                         SessionPins::Clock::now());
  }
  if (disk_) disk_->leaving(sequence);
}

bool PrefixReuse::make_room() { return (disk_ && disk_->end_loads()) || space_->give_up_session(); }

void PrefixReuse::wait_for_loads() {
  if (disk_) disk_->wait(kRest);
}

void PrefixReuse::end_loads() {
  if (disk_) disk_->end_loads();
}

void PrefixReuse::measured(int prompt_rows, double seconds) {
  if (disk_) disk_->measured(prompt_rows, seconds);
}

ReuseStats PrefixReuse::stats() const {
  const KvReuseStats space = space_->reuse_stats();
  ReuseStats stats{.kept_bytes = space.kept_bytes,
                   .sessions = space.sessions,
                   .evicted_pages = space.evictions,
                   .coalesced = coalesced_};
  if (!disk_) return stats;
  const KvStoreStats disk = disk_->stats();
  stats.disk = {.enabled = true,
                .blocks = disk.blocks,
                .bytes = disk.bytes,
                .hit_tokens = disk_->hit_tokens(),
                .bytes_read = disk.bytes_read,
                .bytes_written = disk.bytes_written,
                .evicted_blocks = disk.evictions,
                .healed_blocks = disk.healed,
                .skipped_blocks = disk.skipped,
                .write_errors = disk.write_errors};
  return stats;
}

}  // namespace pingti
