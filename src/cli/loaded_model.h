// A model opened without an engine, for commands that measure it.
#pragma once

#include "base/result.h"
#include "cli/engine_options.h"
#include "engine/loaded_model.h"

namespace pingti {

Result<LoadedModel> load_model(const EngineFlags& flags);

}  // namespace pingti
