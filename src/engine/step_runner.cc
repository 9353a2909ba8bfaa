#include "engine/step_runner.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>

#include "base/check.h"

namespace pingti {

Result<StepRunner> StepRunner::create(Model* model, ThreadPool* threads, const Tokenizer* tokenizer,
                                      int logit_rows) {
  StepRunner runner;
  runner.model_ = model;
  runner.threads_ = threads;
  runner.tokenizer_ = tokenizer;
  const auto values = static_cast<size_t>(logit_rows) * static_cast<size_t>(model->config().vocab);
  PT_TRY(runner.logits_, HugeBuffer::allocate(values * sizeof(float)));
  return runner;
}

std::span<float> StepRunner::logits(int row) const {
  const auto vocab = static_cast<size_t>(model_->config().vocab);
  return {logits_.as<float>() + static_cast<size_t>(row) * vocab, vocab};
}

void StepRunner::forward(const StepPlan& plan, std::span<KvPool* const> pools) {
  const size_t bytes = plan.logit_rows.size() * static_cast<size_t>(model_->config().vocab) * sizeof(float);
  PT_CHECK(bytes <= logits_.size());
  states_.resize(plan.hidden_rows.size() * static_cast<size_t>(model_->config().hidden));
  Batch batch = plan.batch();
  batch.hidden = states_.data();
  masks_->begin(plan);
  try {
    model_->forward(batch, pools, logits_.as<float>());
  } catch (...) {
    masks_->wait();
    throw;
  }
  masks_->finish();
}

void StepRunner::pool_states(const StepPlan& plan) {
  const float* state = states_.data();
  const auto hidden = static_cast<size_t>(model_->config().hidden);
  for (const StepPlan::Entry& entry : plan.entries) {
    RequestState& request = *entry.sequence->request;
    for (int row = 0; row < entry.hidden_rows; ++row, state += hidden) {
      request.state_sum.resize(hidden);
      for (size_t i = 0; i < hidden; ++i) request.state_sum[i] += static_cast<double>(state[i]);
      ++request.pooled_tokens;
    }
  }
}

std::vector<std::vector<TokenLogprobs>> StepRunner::score_prompts(const StepPlan& plan) {
  struct Task {
    size_t entry;
    size_t index;
    int row;
    int32_t token;
  };
  std::vector<std::vector<TokenLogprobs>> scores(plan.entries.size());
  std::vector<Task> tasks;
  for (size_t i = 0; i < plan.entries.size(); ++i) {
    const StepPlan::Entry& entry = plan.entries[i];
    const auto& request = *entry.sequence->request;
    scores[i].resize(static_cast<size_t>(entry.prompt_logits));
    for (size_t k = 0; k < scores[i].size(); ++k) {
      const int32_t token = request.request.prompt[request.prompt_logprobs.size() + 1 + k];
      tasks.push_back({i, k, entry.first_logit + static_cast<int>(k), token});
    }
  }
  parallel(tasks.size(), [&](size_t index) {
    const Task& task = tasks[index];
    const int top = std::max(0, plan.entries[task.entry].sequence->request->request.top_logprobs);
    scores[task.entry][task.index] = logprobs(logits(task.row), task.token, top);
  });
  return scores;
}

void StepRunner::draw(std::span<Draw> draws) {
  for (Draw& draw : draws) {
    if (draw.sequence->matcher && !draw.sequence->matcher->prepared()) masks_->prepare(*draw.sequence);
  }
  parallel(draws.size(), [&](size_t i) {
    const bool shared = (i > 0 && draws[i - 1].logit_row == draws[i].logit_row) ||
                        (i + 1 < draws.size() && draws[i + 1].logit_row == draws[i].logit_row);
    draw_one(draws[i], shared);
  });
}

void StepRunner::draw_one(Draw& draw, bool shared) {
  const std::vector<int32_t>& tokens = draw.sequence->tokens;
  const std::vector<DraftToken>& draft = draw.sequence->speculation.draft;
  ThinkingTracker thinking = draw.sequence->thinking;
  int32_t token = draw_token(draw, draw.logit_row, tokens, shared, &thinking);
  if (draft.empty() || token != draft[0].token) return;
  std::vector<int32_t> history;
  history.reserve(tokens.size() + draft.size());
  history = tokens;
  for (size_t i = 0; i < draft.size() && token == draft[i].token; ++i) {
    history.push_back(token);
    token = draw_token(draw, draw.logit_row + static_cast<int>(i) + 1, history, shared, &thinking);
  }
}

int32_t StepRunner::draw_token(Draw& draw, int logit_row, std::span<const int32_t> history, bool keep_logits,
                               ThinkingTracker* thinking) {
  Sequence& sequence = *draw.sequence;
  const int top = sequence.request->request.top_logprobs;
  const auto position = static_cast<int64_t>(history.size());
  const std::span<float> raw = logits(logit_row);
  std::span<const uint32_t> allowed;
  if (sequence.matcher) allowed = sequence.matcher->mask(draw.tokens.size());
  int32_t token = 0;
  if (const auto forced = thinking->forced()) {
    token = *forced;
  } else if (keep_logits || top >= 0) {
    std::vector<float> copy(raw.begin(), raw.end());
    token = sequence.sampler.sample(copy, position, history, allowed);
  } else {
    token = sequence.sampler.sample(raw, position, history, allowed);
  }
  thinking->push(token, tokenizer_->token_bytes(token));
  draw.tokens.push_back(token);
  if (top >= 0) draw.logprobs.push_back(logprobs(raw, token, top));
  return token;
}

TokenLogprobs StepRunner::logprobs(std::span<const float> logits, int32_t token, int top) const {
  const auto named = [this](int32_t id, float logprob) {
    return TokenLogprobInfo{id, std::string(tokenizer_->token_bytes(id)), logprob};
  };
  const auto found = Sampler::logprobs(model_->kernels(), logits, token, top);
  TokenLogprobs result{.chosen = named(token, found.logprob)};
  for (const auto& [id, logprob] : found.top) result.top.push_back(named(id, logprob));
  return result;
}

void StepRunner::parallel(size_t count, const std::function<void(size_t)>& body) {
  if (count == 0) return;
  if (count == 1) return body(0);
  std::atomic<size_t> next = 0;
  std::exception_ptr failure;
  std::mutex mutex;
  threads_->run([&](int) {
    try {
      for (size_t i = next++; i < count; i = next++) body(i);
    } catch (...) {
      const std::lock_guard lock(mutex);
      failure = std::current_exception();
    }
  });
  if (failure) std::rethrow_exception(failure);
}

}  // namespace pingti
