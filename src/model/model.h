// A loaded language model: weights repacked for this machine, and the forward pass.
//
// load() copies and repacks the weights, so the file may be closed afterwards. forward() is called by one
// thread at a time (the engine's); it fans out over the thread pool it was given. The bits of a row's
// logits depend only on the tokens before it, never on the batch, the threads or the chunking.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "cache/kv_pool.h"
#include "gguf/gguf.h"
#include "kernels/kernels.h"
#include "kernels/tuning.h"
#include "model/attention_policy.h"
#include "model/attention_work.h"
#include "model/batch.h"
#include "model/config.h"

namespace pingti {

struct ModelOptions {
  const Kernels* kernels = nullptr;  // select_kernels()
  ThreadPool* threads = nullptr;     // outlives the model
  KvType kv_type = KvType::kF16;
  AttentionPolicy attention;
  bool activations_f32 = false;          // skip activation quantization: slow, for comparison with oracles
  Tuning tuning;                         // machine_tuning(); changes speed only
  std::function<void(double)> progress;  // fraction loaded, 0..1; called from the loading thread
};

// Layers that keep and drop KV pages together.
struct KvGroup {
  std::vector<int> layers;
  int window = 0;          // 0: pages are kept for the whole sequence
  int sinks = 0;           // with a window: first keys whose pages are kept as well
  int64_t page_bytes = 0;  // one page: kPageTokens tokens of all these layers
};

class LoraFile;

// A LoRA adapter made ready for one model; not to be destroyed while a forward pass uses it.
class Adapter {
 public:
  virtual ~Adapter() = default;
  int64_t bytes = 0;
};

class Model {
 public:
  static Result<std::unique_ptr<Model>> load(const gguf::File& file, const ModelOptions& options);
  virtual ~Model() = default;

  virtual const ModelConfig& config() const = 0;
  // What it was loaded with: who works on its logits uses the same.
  virtual const Kernels& kernels() const = 0;
  virtual std::span<const KvGroup> kv_groups() const = 0;
  virtual int64_t weight_bytes() const = 0;
  // Of these, what computing one token's logits reads: all but an embedding table that is not the head.
  virtual int64_t bytes_per_token() const = 0;

  // Checks every matrix against the model ("lora.shape", "lora.layer") and repacks it. The batch chooses an
  // adapter per sequence. May be called while another thread runs forward().
  virtual Result<std::unique_ptr<Adapter>> load_adapter(const LoraFile& file);

  // Since the model was loaded; counted only with an attention policy.
  virtual AttentionWork attention_work() const { return {}; }

  // Appends the batch's keys and values to their pages and writes logits[i] = [vocab] for
  // batch.logit_rows[i], and the states that batch.hidden_rows asks for. `pools[g]` holds the pages of
  // kv_groups()[g]. Tokens must lie in [0, vocab).
  virtual void forward(const Batch& batch, std::span<KvPool* const> pools, float* logits) = 0;
};

}  // namespace pingti
