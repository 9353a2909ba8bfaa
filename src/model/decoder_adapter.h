// A LoRA adapter as the decoder applies it: for each layer, an update of each of its four stacked products.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "model/backend.h"
#include "model/batch.h"
#include "model/lora_file.h"
#include "model/model.h"

namespace pingti {

struct LayerUpdates {
  std::unique_ptr<LowRank> qkv;  // null: the adapter leaves this product alone
  std::unique_ptr<LowRank> output;
  std::unique_ptr<LowRank> gate_up;
  std::unique_ptr<LowRank> down;
};

class DecoderAdapter final : public Adapter {
 public:
  static Result<std::unique_ptr<DecoderAdapter>> load(const LoraFile& file, const ModelConfig& config,
                                                      Backend& backend);

  std::vector<LayerUpdates> layers;
};

// Consecutive rows of a batch with one adapter.
struct AdapterRows {
  const DecoderAdapter* adapter = nullptr;
  int first_row = 0;
  int rows = 0;
};

// The batch's rows that have an adapter.
std::vector<AdapterRows> adapter_rows(const Batch& batch);
// Of these rows (ascending), counted as packed to the front.
std::vector<AdapterRows> adapter_rows(const Batch& batch, std::span<const int32_t> rows);

}  // namespace pingti
