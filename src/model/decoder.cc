#include "model/decoder.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/check.h"

namespace pingti {
namespace {

// Where each of `rows` stands in `among`, which holds them all; both ascending.
std::vector<int32_t> places(std::span<const int32_t> rows, std::span<const int32_t> among) {
  std::vector<int32_t> found;
  found.reserve(rows.size());
  for (const int32_t row : rows)
    found.push_back(static_cast<int32_t>(std::ranges::lower_bound(among, row) - among.begin()));
  return found;
}

}  // namespace

void Decoder::prepare(const Batch& batch) {
  const int rows = static_cast<int>(batch.tokens.size());
  if (rows > workspace_.rows) {
    const int capacity = std::max({rows, 32, workspace_.rows * 2});
    const int64_t q_width = int64_t{config_.heads} * config_.head_dim;
    const int64_t qkv_width = int64_t{config_.heads + 2 * config_.kv_heads} * config_.head_dim;
    workspace_ = {};  // before the larger one: memory is never held twice
    backend_->free_rows();
    workspace_.x = backend_->allocate_rows(capacity, config_.hidden);
    workspace_.qkv = backend_->allocate_rows(capacity, qkv_width);
    if (config_.post_norms) workspace_.branch = backend_->allocate_rows(capacity, config_.hidden);
    workspace_.gate_up = nullptr;
    workspace_.normed = backend_->make_operand(capacity, config_.hidden);
    workspace_.attended = backend_->make_operand(capacity, q_width);
    workspace_.activated = backend_->make_operand(capacity, config_.ffn);
    workspace_.rows = capacity;  // last: allocation may throw
  }
  std::vector<int64_t> positions;
  positions.reserve(static_cast<size_t>(rows));
  for (const SequenceSlice& slice : batch.sequences) {
    PT_CHECK(slice.first_row == static_cast<int>(positions.size()) && slice.pages.size() == groups_.size());
    for (int i = 0; i < slice.row_count; ++i) positions.push_back(slice.first_position + i);
  }
  PT_CHECK(static_cast<int>(positions.size()) == rows);
  const auto values = static_cast<size_t>(rows) * static_cast<size_t>(config_.rotary_dim / 2);
  for (Rope& rope : ropes_) {
    rope.cos.resize(std::max(rope.cos.size(), values));
    rope.sin.resize(std::max(rope.sin.size(), values));
    rope.table.fill(positions, rope.cos.data(), rope.sin.data());
  }
  adapted_ = adapter_rows(batch);
  const bool adapts = !adapted_.empty();
  for (Operand* operand : {workspace_.normed.get(), workspace_.attended.get(), workspace_.activated.get()})
    operand->with_floats = adapts;
  if (adapts && workspace_.gate_up == nullptr)
    workspace_.gate_up = backend_->allocate_rows(workspace_.rows, int64_t{2} * config_.ffn);
}

void Decoder::add_updates(std::unique_ptr<LowRank> LayerUpdates::* weight, size_t layer, const Operand& in,
                          int64_t width, float* y) {
  updates_.clear();
  for (const AdapterRows& run : adapted_) {
    if (const LowRank* update = (run.adapter->layers[layer].*weight).get())
      updates_.push_back({update, run.first_row, run.rows});
  }
  if (!updates_.empty()) backend_->add_low_rank(updates_, in, width, y);
}

void Decoder::run_layer(size_t index, const Batch& batch, std::span<KvPool* const> pools,
                        std::span<const int32_t> wanted, int& rows) {
  const Layer& layer = layers_[index];
  const bool last = index + 1 == layers_.size();
  Workspace& w = workspace_;
  const AttentionLayer attention{.config = &config_,
                                 .window = config_.attention[index].window,
                                 .sinks = config_.attention[index].sinks,
                                 .sparse = config_.attention[index].sparse ? &policy_.sparse : nullptr,
                                 .q_norm = layer.query_norm.data(),
                                 .k_norm = layer.key_norm.data(),
                                 .pool = pools[layer.group],
                                 .group = layer.group,
                                 .page_offset = layer.page_offset,
                                 .summary_offset = layer.summary_offset};
  const Rope& rope = ropes_[layer.rope];

  backend_->norm(w.x, rows, config_.hidden, layer.attention_norm.data(), config_.norm_eps, *layer.qkv,
                 *w.normed);
  backend_->linear(*layer.qkv, *w.normed, rows, w.qkv, /*accumulate=*/false);
  add_updates(&LayerUpdates::qkv, index, *w.normed, layer.qkv->rows, w.qkv);
  backend_->rope_append(attention, batch, {rope.cos.data(), rope.sin.data()}, w.qkv);
  if (last && wanted.empty()) {
    rows = 0;
    return;
  }
  backend_->attention(attention, batch, w.qkv, *layer.output, *w.attended);
  if (last && static_cast<int>(wanted.size()) < rows) {
    // The rest of the last block only matters to rows that are read.
    backend_->keep_rows(wanted, *w.attended, w.x, config_.hidden);
    rows = static_cast<int>(wanted.size());
    adapted_ = adapter_rows(batch, wanted);
  }
  const auto add_branch = [&](const Weight& weight, std::unique_ptr<LowRank> LayerUpdates::* update,
                              const Operand& in, const std::vector<float>& post_norm) {
    float* y = config_.post_norms ? w.branch : w.x;
    backend_->linear(weight, in, rows, y, /*accumulate=*/!config_.post_norms);
    add_updates(update, index, in, config_.hidden, y);
    if (config_.post_norms)
      backend_->norm_add(y, rows, config_.hidden, post_norm.data(), config_.norm_eps, w.x);
  };
  add_branch(*layer.output, &LayerUpdates::output, *w.attended, layer.post_attention_norm);
  backend_->norm(w.x, rows, config_.hidden, layer.ffn_norm.data(), config_.norm_eps, *layer.gate_up,
                 *w.normed);
  if (adapted_.empty()) {
    backend_->gated_linear(*layer.gate_up, *w.normed, rows, config_.activation, *layer.down, *w.activated);
  } else {
    backend_->linear(*layer.gate_up, *w.normed, rows, w.gate_up, /*accumulate=*/false);
    add_updates(&LayerUpdates::gate_up, index, *w.normed, layer.gate_up->rows, w.gate_up);
    backend_->gated_activation(config_.activation, w.gate_up, rows, config_.ffn, *layer.down, *w.activated);
  }
  add_branch(*layer.down, &LayerUpdates::down, *w.activated, layer.post_ffn_norm);
}

// Then keeps the rows whose logits are wanted.
void Decoder::write_hidden(const Batch& batch, std::span<const int32_t> wanted, int& rows) {
  const auto hidden = static_cast<size_t>(config_.hidden);
  std::vector<float> states(wanted.size() * hidden);
  backend_->hidden(workspace_.x, rows, config_.hidden, output_norm_.data(), config_.norm_eps, states.data());
  float* out = batch.hidden;
  for (const int32_t place : places(batch.hidden_rows, wanted)) {
    std::copy_n(states.data() + static_cast<size_t>(place) * hidden, hidden, out);
    out += hidden;
  }
  if (batch.logit_rows.size() == wanted.size()) return;
  backend_->keep_rows(places(batch.logit_rows, wanted), *workspace_.attended, workspace_.x, config_.hidden);
  rows = static_cast<int>(batch.logit_rows.size());
}

void Decoder::forward(const Batch& batch, std::span<KvPool* const> pools, float* logits) {
  PT_CHECK(pools.size() == groups_.size());
  if (batch.tokens.empty()) return;
  prepare(batch);
  int rows = static_cast<int>(batch.tokens.size());
  std::vector<int32_t> wanted;
  std::ranges::set_union(batch.logit_rows, batch.hidden_rows, std::back_inserter(wanted));
  backend_->embed(*embedding_, batch.tokens, config_.embedding_scale, workspace_.x);
  for (size_t layer = 0; layer < layers_.size(); ++layer) run_layer(layer, batch, pools, wanted, rows);
  if (!batch.hidden_rows.empty()) write_hidden(batch, wanted, rows);
  if (rows == 0) return;
  backend_->logits(head_ ? *head_ : *embedding_, workspace_.x, rows, output_norm_.data(), config_.norm_eps,
                   logits);
  if (config_.logit_softcap > 0) {
    const float cap = config_.logit_softcap;
    for (int64_t i = 0; i < int64_t{rows} * config_.vocab; ++i) logits[i] = cap * std::tanh(logits[i] / cap);
  }
}

}  // namespace pingti
