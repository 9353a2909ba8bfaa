#include "model/decoder_adapter.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

namespace pingti {
namespace {

// Where a target's outputs lie in the product that computes them.
struct Slot {
  std::unique_ptr<LowRank> LayerUpdates::* product;
  int64_t first_row;
  int64_t outputs;
  int64_t inputs;
  int rotary_heads = 0;  // heads whose rows follow the model's order of rotary pairs
};

Slot slot_of(LoraTarget target, const ModelConfig& config) {
  const int64_t q_rows = int64_t{config.heads} * config.head_dim;
  const int64_t kv_rows = int64_t{config.kv_heads} * config.head_dim;
  switch (target) {
    case LoraTarget::kQuery:
      return {&LayerUpdates::qkv, 0, q_rows, config.hidden, config.heads};
    case LoraTarget::kKey:
      return {&LayerUpdates::qkv, q_rows, kv_rows, config.hidden, config.kv_heads};
    case LoraTarget::kValue:
      return {&LayerUpdates::qkv, q_rows + kv_rows, kv_rows, config.hidden};
    case LoraTarget::kOutput:
      return {&LayerUpdates::output, 0, config.hidden, q_rows};
    case LoraTarget::kGate:
      return {&LayerUpdates::gate_up, 0, config.ffn, config.hidden};
    case LoraTarget::kUp:
      return {&LayerUpdates::gate_up, config.ffn, config.ffn, config.hidden};
    case LoraTarget::kDown:
      return {&LayerUpdates::down, 0, config.hidden, config.ffn};
  }
  return {};
}

// Output row i of interleaved pairs is this row where the halves of a pair lie head_dim / 2 apart.
std::vector<int64_t> interleaved_order(int heads, int head_dim) {
  std::vector<int64_t> order;
  for (int head = 0; head < heads; ++head) {
    for (int i = 0; i < head_dim; ++i)
      order.push_back(int64_t{head} * head_dim + (i % 2 == 0 ? i / 2 : head_dim / 2 + i / 2));
  }
  return order;
}

Result<void> check_module(const LoraModule& module, const Slot& slot, const ModelConfig& config) {
  if (module.layer >= config.layers) {
    return fail(
        ErrorKind::kInvalid, "lora.layer",
        fmt::format("the adapter changes layer {}, but the model has {} layers", module.layer, config.layers),
        "it was made for another model");
  }
  if (module.a->cols() != slot.inputs || module.b->rows() != slot.outputs) {
    return fail(ErrorKind::kInvalid, "lora.shape",
                fmt::format("the adapter's {} of layer {} turns {} values into {}, the model's {} into {}",
                            name_of(module.target), module.layer, module.a->cols(), module.b->rows(),
                            slot.inputs, slot.outputs),
                "it was made for another model");
  }
  if (!module.a->present() || !module.b->present()) {
    return fail(ErrorKind::kInvalid, "lora.truncated",
                fmt::format("the adapter's file ends before the data of {}", module.a->name));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<DecoderAdapter>> DecoderAdapter::load(const LoraFile& file, const ModelConfig& config,
                                                             Backend& backend) {
  auto adapter = std::make_unique<DecoderAdapter>();
  adapter->layers.resize(static_cast<size_t>(config.layers));
  const bool reorder = file.rotary_halves() && config.rope_interleaved;
  const std::vector<int64_t> order =
      reorder ? interleaved_order(config.heads, config.head_dim) : std::vector<int64_t>{};
  const std::vector<LoraModule>& modules = file.modules();
  for (size_t begin = 0; begin < modules.size();) {
    const Slot first = slot_of(modules[begin].target, config);
    std::vector<LowRankPart> parts;
    size_t end = begin;
    // The targets of one product follow each other.
    for (; end < modules.size() && modules[end].layer == modules[begin].layer; ++end) {
      const LoraModule& module = modules[end];
      const Slot slot = slot_of(module.target, config);
      if (slot.product != first.product) break;
      PT_TRY_VOID(check_module(module, slot, config));
      const auto rotary = std::span(order).first(
          reorder ? static_cast<size_t>(slot.rotary_heads) * static_cast<size_t>(config.head_dim) : 0);
      parts.push_back({.a = module.a,
                       .b = module.b,
                       .scale = module.scale,
                       .first_row = slot.first_row,
                       .b_order = rotary});
    }
    PT_TRY(auto update, backend.load_low_rank(parts));
    adapter->bytes += update->bytes;
    adapter->layers[static_cast<size_t>(modules[begin].layer)].*(first.product) = std::move(update);
    begin = end;
  }
  return adapter;
}

std::vector<AdapterRows> adapter_rows(const Batch& batch) {
  std::vector<AdapterRows> runs;
  for (const SequenceSlice& slice : batch.sequences) {
    if (slice.adapter == nullptr) continue;
    const auto* adapter = static_cast<const DecoderAdapter*>(slice.adapter);
    if (!runs.empty() && runs.back().adapter == adapter &&
        runs.back().first_row + runs.back().rows == slice.first_row) {
      runs.back().rows += slice.row_count;
    } else {
      runs.push_back({adapter, slice.first_row, slice.row_count});
    }
  }
  return runs;
}

std::vector<AdapterRows> adapter_rows(const Batch& batch, std::span<const int32_t> rows) {
  std::vector<AdapterRows> runs;
  for (int i = 0; i < static_cast<int>(rows.size()); ++i) {
    const auto* adapter =
        static_cast<const DecoderAdapter*>(slice_of(batch, rows[static_cast<size_t>(i)]).adapter);
    if (adapter == nullptr) continue;
    if (!runs.empty() && runs.back().adapter == adapter && runs.back().first_row + runs.back().rows == i) {
      ++runs.back().rows;
    } else {
      runs.push_back({adapter, i, 1});
    }
  }
  return runs;
}

}  // namespace pingti
