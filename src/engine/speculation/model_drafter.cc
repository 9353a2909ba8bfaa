#include "engine/speculation/model_drafter.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "base/check.h"

namespace pingti {
namespace {

// Rows one step catches up at most, so that a long prompt does not hold up the other sequences.
constexpr int kCatchUpRows = 128;

// Classes of evidence: the drafting model's own probability of the token.
int evidence_of(double probability) {
  return std::clamp(static_cast<int>(probability * kEvidenceClasses), 0, kEvidenceClasses - 1);
}

}  // namespace

// The model's KV of one sequence: positions [0, computed) of the target's tokens followed by `guesses`.
class ModelDrafter::Pages final : public DraftState {
 public:
  Pages(KvSpace* space, std::string_view salt) : table(space->make_table()), space_(space), salt_(salt) {}
  Pages(const Pages&) = delete;
  ~Pages() override { space_->release(table); }

  // Keeps the guesses that the target has taken over, forgets the others.
  void follow(std::span<const int32_t> tokens) {
    int64_t position = computed - static_cast<int64_t>(guesses.size());
    for (const int32_t guess : guesses) {
      if (position >= static_cast<int64_t>(tokens.size()) || tokens[static_cast<size_t>(position)] != guess)
        break;
      ++position;
    }
    // The last token is computed again if need be: its row yields the first guess.
    computed = std::min(position, static_cast<int64_t>(tokens.size()) - 1);
    guesses.clear();
    if (computed / space_->page_tokens() > remembered) {
      remembered = computed / space_->page_tokens();
      space_->remember(tokens.first(static_cast<size_t>(computed)), table, salt_);
    }
    space_->drop_behind(table, computed);
  }

  PageTable table;
  int64_t computed = 0;
  int64_t remembered = 0;        // pages that later sequences can start from
  std::vector<int32_t> guesses;  // the last of the computed tokens that the target had not drawn

 private:
  KvSpace* space_;
  std::string salt_;
};

struct ModelDrafter::Work {
  DraftTarget* target;
  Pages* pages;
  std::vector<int32_t> history;  // the target's tokens and what was drafted
  double chance = 1;             // that all drafted so far are kept
  int rows = 0;                  // in the current step

  int64_t pending() const { return static_cast<int64_t>(history.size()) - pages->computed; }
};

Result<std::unique_ptr<ModelDrafter>> ModelDrafter::create(Parts parts) {
  const auto values =
      static_cast<size_t>(parts.max_sequences) * static_cast<size_t>(parts.model->config().vocab);
  PT_TRY(HugeBuffer logits, HugeBuffer::allocate(values * sizeof(float)));
  return std::unique_ptr<ModelDrafter>(new ModelDrafter(std::move(parts), std::move(logits)));
}

ModelDrafter::ModelDrafter(Parts parts, HugeBuffer logits)
    : model_(std::move(parts.model)),
      space_(std::move(parts.space)),
      target_vocab_(static_cast<size_t>(parts.target_vocab)),
      max_sequences_(parts.max_sequences),
      logits_(std::move(logits)),
      scratch_(target_vocab_) {}

ModelDrafter::Pages& ModelDrafter::pages_of(DraftTarget& target) {
  if (*target.state == nullptr) {
    auto pages = std::make_unique<Pages>(&space_, target.salt);
    pages->computed = space_.attach(target.tokens.first(target.tokens.size() - 1), pages->table, target.salt);
    *target.state = std::move(pages);
  }
  return static_cast<Pages&>(**target.state);
}

void ModelDrafter::propose(std::span<DraftTarget> targets) {
  const auto vocab = static_cast<int32_t>(model_->config().vocab);
  std::vector<Work> work;
  for (DraftTarget& target : targets) {
    if (static_cast<int>(work.size()) == max_sequences_) break;
    const auto end = static_cast<int64_t>(target.tokens.size()) + target.most;
    if (end > model_->config().max_context) continue;
    Pages& pages = pages_of(target);
    pages.follow(target.tokens);
    const auto unseen = target.tokens.subspan(static_cast<size_t>(pages.computed));
    if (std::ranges::any_of(unseen, [&](int32_t token) { return token >= vocab; })) continue;
    work.push_back({.target = &target,
                    .pages = &pages,
                    .history = std::vector<int32_t>(target.tokens.begin(), target.tokens.end())});
  }
  while (!work.empty()) {
    step(&work);
    std::erase_if(work, [&](const Work& w) {
      const DraftTarget& target = *w.target;
      return static_cast<int>(target.draft.size()) >= target.most || w.history.back() >= vocab ||
             w.chance * target.acceptance->overall_chance() < target.least_chance;
    });
  }
}

void ModelDrafter::step(std::vector<Work>* work) {
  std::vector<int32_t> tokens;
  std::vector<SequenceSlice> slices;
  std::vector<int32_t> logit_rows;
  int left = kCatchUpRows;
  std::erase_if(*work, [&](Work& w) {
    w.rows = static_cast<int>(std::min<int64_t>(w.pending(), std::max(left, 1)));
    left -= w.rows - 1;
    return !space_.extend(w.pages->table, w.pages->computed + w.rows);
  });
  if (work->empty()) return;
  for (Work& w : *work) {
    SequenceSlice slice{.first_row = static_cast<int>(tokens.size()),
                        .row_count = w.rows,
                        .first_position = w.pages->computed};
    for (const auto& pages : w.pages->table.pages) slice.pages.emplace_back(pages);
    slices.push_back(std::move(slice));
    const auto begin = w.history.begin() + static_cast<std::ptrdiff_t>(w.pages->computed);
    tokens.insert(tokens.end(), begin, begin + w.rows);
    if (w.rows == w.pending()) logit_rows.push_back(static_cast<int32_t>(tokens.size()) - 1);
  }
  const auto begin = std::chrono::steady_clock::now();
  model_->forward({.tokens = tokens, .sequences = slices, .logit_rows = logit_rows}, space_.pools(),
                  logits_.as<float>());
  const bool one_each = tokens.size() == work->size();
  int logit_row = 0;
  std::erase_if(*work, [&](Work& w) {
    const auto known = static_cast<int64_t>(w.target->tokens.size());
    for (int64_t i = std::max(known, w.pages->computed); i < w.pages->computed + w.rows; ++i)
      w.pages->guesses.push_back(w.history[static_cast<size_t>(i)]);
    w.pages->computed += w.rows;
    if (w.pending() > 0) return true;
    draw(w, logit_row++);
    return false;
  });
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  if (one_each) cost_.measured(static_cast<int>(tokens.size()), seconds.count());
}

void ModelDrafter::draw(Work& work, int logit_row) {
  const auto vocab = static_cast<size_t>(model_->config().vocab);
  const std::span<const float> logits(logits_.as<float>() + static_cast<size_t>(logit_row) * vocab, vocab);
  // A smaller or larger vocabulary differs in padding alone.
  std::ranges::fill(scratch_, -std::numeric_limits<float>::infinity());
  std::ranges::copy(logits.first(std::min(vocab, target_vocab_)), scratch_.begin());
  const int32_t token =
      work.target->sampler->sample(scratch_, static_cast<int64_t>(work.history.size()), work.history);
  const int evidence = evidence_of(std::exp(Sampler::logprobs(model_->kernels(), logits, token, 0).logprob));
  work.target->draft.push_back({token, evidence});
  work.history.push_back(token);
  work.chance *= work.target->acceptance->chance(evidence);
}

}  // namespace pingti
