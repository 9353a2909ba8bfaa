// A model while a request uses it.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "engine/engine.h"
#include "server/admission.h"
#include "server/output_options.h"
#include "server/route.h"

namespace pingti {

struct ServedModel {
  Engine* engine = nullptr;
  std::string name;          // as answers call it: what the request said, or the model's own name
  std::string own_name;      // as metrics call it
  size_t longest_token = 1;  // bytes
  OutputOptions output;
  std::shared_ptr<Admission> admission;
  std::shared_ptr<void> hold;  // the engine stays loaded as long as this lives; null: for ever
};

// The model a request names (empty: the server's first). Nothing when the call has been taken care of: an
// error was answered (404 for a name that is not served here, 503 while draining or when the model cannot be
// loaded), or the model is not loaded and the call waits for it without a thread. Then the call's route is
// run again from its beginning once the model is there; so nothing may have been answered, nor the request
// changed, before this.
std::optional<ServedModel> serve_model(const Call& call, const std::string& name);

}  // namespace pingti
