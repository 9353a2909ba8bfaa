// One step's computing: forward pass, prompt scores, draws. Knows nothing of queues or events.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/huge_buffer.h"
#include "base/thread_pool.h"
#include "cache/kv_space.h"
#include "engine/constraint_masks.h"
#include "engine/scheduler.h"
#include "model/model.h"

namespace pingti {

// The next tokens of one sequence: one, and one more for each drafted token that was right.
struct Draw {
  Sequence* sequence = nullptr;
  int logit_row = 0;  // the first; choices that start together share one
  std::vector<int32_t> tokens;
  std::vector<TokenLogprobs> logprobs;  // one per token, when asked

  int accepted() const { return static_cast<int>(tokens.size()) - 1; }
};

// All methods may throw what the model or memory throws; then nothing of the step counts.
class StepRunner {
 public:
  // model, threads and tokenizer outlive the runner. logit_rows: the most a plan may ask for.
  static Result<StepRunner> create(Model* model, ThreadPool* threads, const Tokenizer* tokenizer,
                                   int logit_rows);

  void forward(const StepPlan& plan, std::span<KvPool* const> pools);
  // Scores of the prompt tokens that the plan's rows predict, in plan order.
  std::vector<std::vector<TokenLogprobs>> score_prompts(const StepPlan& plan);
  // Adds the states the plan's rows yield to their requests' sums.
  void pool_states(const StepPlan& plan);
  // Draws each one's next token, position sequence.size(), and goes on as long as the draw equals the
  // sequence's draft: all draws are what they would be without it. Overwrites the logits.
  void draw(std::span<Draw> draws);
  const MaskStats& mask_stats() const { return masks_->stats(); }

 private:
  StepRunner() = default;
  std::span<float> logits(int row) const;
  void draw_one(Draw& draw, bool shared);
  int32_t draw_token(Draw& draw, int logit_row, std::span<const int32_t> history, bool keep_logits,
                     ThinkingTracker* thinking);
  TokenLogprobs logprobs(std::span<const float> logits, int32_t token, int top) const;
  void parallel(size_t count, const std::function<void(size_t)>& body);

  Model* model_ = nullptr;
  ThreadPool* threads_ = nullptr;
  const Tokenizer* tokenizer_ = nullptr;
  HugeBuffer logits_;          // [logit_rows, vocab]
  std::vector<float> states_;  // [hidden_rows, hidden] of the last plan
  std::unique_ptr<ConstraintMasks> masks_ = std::make_unique<ConstraintMasks>();
};

}  // namespace pingti
