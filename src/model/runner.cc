#include "model/runner.h"

#include "base/check.h"

namespace pingti {

Result<Runner> Runner::create(Model& model, int sequences, int64_t context) {
  Runner runner;
  runner.model_ = &model;
  const int64_t pages = (context + kPageTokens - 1) / kPageTokens;
  runner.pages_.resize(static_cast<size_t>(sequences));
  runner.lengths_.assign(static_cast<size_t>(sequences), 0);
  for (const KvGroup& group : model.kv_groups()) {
    PT_TRY(KvPool pool, KvPool::create(group.page_bytes, pages * sequences));
    runner.pools_.push_back(std::make_unique<KvPool>(std::move(pool)));
    for (auto& tables : runner.pages_) {
      auto& table = tables.emplace_back();
      for (int64_t i = 0; i < pages; ++i) table.push_back(runner.pools_.back()->allocate());
    }
  }
  return runner;
}

std::span<const float> Runner::step(std::span<const Piece> pieces) {
  std::vector<int32_t> tokens;
  std::vector<SequenceSlice> slices;
  std::vector<int32_t> logit_rows;
  for (const Piece& piece : pieces) {
    const auto sequence = static_cast<size_t>(piece.sequence);
    SequenceSlice slice{.first_row = static_cast<int>(tokens.size()),
                        .row_count = static_cast<int>(piece.tokens.size()),
                        .first_position = lengths_[sequence],
                        .pages = {},
                        .adapter = piece.adapter};
    lengths_[sequence] += slice.row_count;
    for (const auto& table : pages_[sequence]) {
      PT_CHECK(lengths_[sequence] <= static_cast<int64_t>(table.size()) * kPageTokens);
      slice.pages.push_back(table);
    }
    tokens.insert(tokens.end(), piece.tokens.begin(), piece.tokens.end());
    const int end = static_cast<int>(tokens.size());
    if (!piece.no_logits) {
      for (int row = piece.all_logits ? slice.first_row : end - 1; row < end; ++row)
        logit_rows.push_back(row);
    }
    slices.push_back(std::move(slice));
  }
  const size_t values = logit_rows.size() * static_cast<size_t>(model_->config().vocab);
  if (logits_.size() < values) logits_.resize(values);
  std::vector<KvPool*> pools;
  for (const auto& pool : pools_) pools.push_back(pool.get());
  model_->forward({.tokens = tokens, .sequences = slices, .logit_rows = logit_rows}, pools, logits_.data());
  return std::span<const float>(logits_).first(values);
}

}  // namespace pingti
