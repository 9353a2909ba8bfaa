// What the bytes of a KV page depend on besides its tokens, as text: names of blocks on disk are made from
// it.
#pragma once

#include <string>

#include "engine/engine.h"
#include "engine/loaded_model.h"

namespace pingti {

// Raised whenever a kernel, the decoder or the layout of a page changes what the same model writes into it.
constexpr int kKvNumericsVersion = 1;

// The model file counts by its metadata and tensor table, its size and time, and samples of every tensor;
// further by ISA, KV type, activations, attention, page shapes and the program's version. Errors:
// "kv_store.fingerprint".
Result<std::string> kv_fingerprint(const LoadedModel& loaded, const EngineOptions& options);

}  // namespace pingti
