// A model while a request uses it.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "engine/engine.h"
#include "server/output_options.h"
#include "server/route.h"

namespace pingti {

struct ServedModel {
  Engine* engine = nullptr;
  std::string name;            // as answers call it
  size_t longest_token = 1;    // bytes
  OutputOptions output;
  std::shared_ptr<void> hold;  // the engine stays loaded as long as this lives; null: for ever
};

// The model a request names (empty: the server's own). Nothing after answering an error: 503 while loading or
// draining, 404 for a name that is not served here.
std::optional<ServedModel> serve_model(const Call& call, const std::string& name);

}  // namespace pingti
