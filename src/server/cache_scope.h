// Whose computed prefixes a request may share, and the conversation it goes on with.
#pragma once

#include "engine/engine.h"
#include "server/route.h"
#include "wire/request_fields.h"

namespace pingti {

// Sets cache_salt and cache_key from the request's fields and, where keys are isolated
// (ServerOptions::cache_isolation), from its API key.
void set_cache_scope(const Call& call, const wire::CommonFields& fields, GenerationRequest* request);

}  // namespace pingti
