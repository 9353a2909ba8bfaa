// How a ModelHost comes by engines: from model files (EngineLoader), or from a test's script.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "engine/memory_needs.h"

namespace pingti {

// A model that can be served.
struct ModelSpec {
  std::string name;                  // as answers and metrics call it
  std::vector<std::string> aliases;  // further names requests may use
  std::string model;                 // a file, or the name of a pulled model
  std::string draft_model;           // the same; empty: none
  EngineOptions engine;              // without paths, progress, kv_memory and turns
  bool pinned = false;               // once loaded it stays, unless told to go
  bool preload = false;              // loaded at start, not with the first request
  double idle_seconds = 0;           // unloaded when unused for so long; 0: only to make room
};

struct MemoryGrant {
  int64_t kv_memory = 0;  // bytes of KV pages; 0: what the engine thinks right
  int64_t context = 0;    // tokens; 0: likewise
};

// Called by the host's thread alone. What a method throws counts as an error of that model.
class ModelLoader {
 public:
  virtual ~ModelLoader() = default;
  // From headers alone. share: see memory_needs().
  virtual Result<MemoryNeeds> needs(const ModelSpec& spec, int64_t share) = 0;
  // progress: fractions of the way.
  virtual Result<std::unique_ptr<Engine>> load(const ModelSpec& spec, const MemoryGrant& grant,
                                               std::function<void(double)> progress) = 0;
};

}  // namespace pingti
