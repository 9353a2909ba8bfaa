#include <chrono>

#include "base/check.h"
#include "grammar/compiled_grammar.h"
#include "grammar/library_log.h"
#include "grammar/output_grammar.h"
#include "grammar/start_marker.h"

namespace pingti {
namespace {

thread_local LibraryWarnings* warnings_here = nullptr;

}  // namespace

LibraryWarnings::LibraryWarnings() { warnings_here = this; }
LibraryWarnings::~LibraryWarnings() { warnings_here = nullptr; }

void note_library_warning(const std::string& message) {
  if (warnings_here != nullptr && warnings_here->all_.size() < 16) warnings_here->all_.push_back(message);
}

struct OutputMatcher::State {
  explicit State(std::shared_ptr<const OutputConstraint> given)
      : constraint(std::move(given)),
        matcher(constraint->grammar->get(), std::nullopt,
                /*terminate_without_stop_token=*/!constraint->grammar->has_end_tokens()),
        free(constraint->start_after != nullptr) {}

  // Goes on by one token, without finding anything out. False: not allowed.
  bool step(int32_t token) {
    if (!free) return !matcher.IsTerminated() && matcher.AcceptToken(token);
    const StartMarker& marker = *constraint->start_after;
    const auto mask = marker.mask(matched);
    const auto at = static_cast<size_t>(token);
    if (at / 32 >= mask.size() || (mask[at / 32] >> (at % 32) & 1) == 0) return false;
    matched = marker.follow(matched, token);
    free = matched < marker.length();
    return true;
  }

  std::vector<uint32_t>& next_mask() {
    if (used == masks.size()) masks.emplace_back();
    return masks[used++];
  }

  void fill(std::vector<uint32_t>& mask) {
    if (free) {
      const auto given = constraint->start_after->mask(matched);
      mask.assign(given.begin(), given.end());
      return;
    }
    const int vocab = constraint->grammar->vocab();
    mask.assign((static_cast<size_t>(vocab) + 31) / 32, ~uint32_t{0});
    int64_t shape = static_cast<int64_t>(mask.size());
    int64_t stride = 1;
    DLTensor tensor{.data = mask.data(),
                    .device = {kDLCPU, 0},
                    .ndim = 1,
                    .dtype = xgrammar::GetBitmaskDLType(),
                    .shape = &shape,
                    .strides = &stride,
                    .byte_offset = 0};
    matcher.FillNextTokenBitmask(&tensor);
  }

  std::shared_ptr<const OutputConstraint> constraint;
  xgrammar::GrammarMatcher matcher;
  bool free;                                 // before start_after is said
  size_t matched = 0;                        // of it
  std::vector<std::vector<uint32_t>> masks;  // memory is kept
  size_t used = 0;
};

OutputMatcher::OutputMatcher(std::shared_ptr<const OutputConstraint> constraint)
    : state_(std::make_unique<State>(std::move(constraint))) {}
OutputMatcher::~OutputMatcher() = default;

void OutputMatcher::prepare(std::span<const int32_t> draft, MaskStats* stats) {
  using Clock = std::chrono::steady_clock;
  State& s = *state_;
  s.used = 0;
  const bool was_free = s.free;
  const size_t was_matched = s.matched;
  int bound = 0;  // steps the matcher went
  for (size_t i = 0; i <= draft.size(); ++i) {
    if (finished()) break;
    const auto begin = Clock::now();
    s.fill(s.next_mask());
    stats->add(std::chrono::duration<double>(Clock::now() - begin).count());
    if (i == draft.size()) break;
    const bool by_matcher = !s.free;
    if (!s.step(draft[i])) break;
    bound += by_matcher ? 1 : 0;
  }
  if (bound > 0) s.matcher.Rollback(bound);
  s.free = was_free;
  s.matched = was_matched;
}

std::span<const uint32_t> OutputMatcher::mask(size_t drafted) const {
  if (drafted >= state_->used) return {};
  return state_->masks[drafted];
}

bool OutputMatcher::prepared() const { return state_->used > 0; }

bool OutputMatcher::accept(int32_t token) {
  state_->used = 0;
  return state_->step(token);
}

bool OutputMatcher::finished() const { return !state_->free && state_->matcher.IsTerminated(); }

}  // namespace pingti

namespace xgrammar {

// The library's hooks (XGRAMMAR_LOG_CUSTOMIZE).
[[noreturn]] void LogFatalImpl(const std::string& file, int lineno, const std::string& message);
void LogMessageImpl(const std::string& file, int lineno, int level, const std::string& message);

void LogFatalImpl(const std::string&, int, const std::string& message) {
  throw pingti::LibraryError(message);
}

void LogMessageImpl(const std::string&, int, int level, const std::string& message) {
  constexpr int kWarning = 2;
  if (level >= kWarning) pingti::note_library_warning(message);
}

}  // namespace xgrammar
