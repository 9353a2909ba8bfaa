// Flags shared by the commands that run a model, and opening the engine they describe.
//
// The flag structs must outlive the parse: CLI11 keeps references into them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/dry_breakers.h"
#include "engine/engine.h"
#include "sample/sampling_params.h"

namespace CLI {
class App;
}

namespace pingti {

struct EngineFlags {
  std::string model;        // a file, a name of the catalogue, or empty for the default model
  EngineOptions options;    // without the model paths and activations_f32, which resolved() fills
  std::string activations;  // "int8" or "f32"
  std::string draft_model;  // as model; empty: none

  Result<EngineOptions> resolved() const;
};

// -m/--model, -t/--threads, -c/--ctx, --isa, --kv-type, --activations, --attention-window, --sinks,
// --sparse-attention.
void add_engine_flags(CLI::App& app, EngineFlags* flags);

// --speculate, --draft-model, --draft-max, --draft-min: for commands that answer.
void add_speculation_flags(CLI::App& app, EngineFlags* flags);

// The model file that the flag names.
Result<std::string> find_model(const std::string& model);

// Loads the model; on a terminal shows progress, then one line about what was loaded, both on stderr.
Result<std::unique_ptr<Engine>> open_engine(const EngineFlags& flags);

// "SmolLM2 (llama, 134.5 M parameters): context 8192, 2 threads, avx512vnni".
std::string describe(const EngineInfo& info);

struct SamplingFlags {
  SamplingParams params;
  std::optional<uint64_t> seed;
  std::vector<std::string> dry_breakers = default_dry_breakers();

  // The parameters with the seed given, or one drawn now, and the DRY breakers as this model's tokens.
  SamplingParams params_for(const Engine& engine) const;
};

// --temp, --top-k, --top-p, --min-p, --typical, penalties, DRY, XTC, -s/--seed. Defaults are those of a
// conversation, not SamplingParams' (which are the API's).
void add_sampling_flags(CLI::App& app, SamplingFlags* flags);

}  // namespace pingti
