#include "server/cache_scope.h"

#include <span>

#include "hub/sha256.h"
#include "server/access.h"

namespace pingti {
namespace {

bool isolates_keys(const ServerOptions& options) {
  if (options.cache_isolation == CacheIsolation::kAuto) return options.api_keys.size() > 1;
  return options.cache_isolation == CacheIsolation::kOn;
}

// The key itself would stand in memory, and its digest outlives a restart.
std::string digest(std::string_view key) {
  Sha256 hash;
  hash.update(std::as_bytes(std::span(key)));
  return hash.finish();
}

}  // namespace

void set_cache_scope(const Call& call, const wire::CommonFields& fields, GenerationRequest* request) {
  const std::string_view key = given_api_key(call.request.headers);
  std::string salt;
  if (isolates_keys(call.context->options) && !key.empty()) salt = "key " + digest(key);
  if (!fields.cache_salt.empty()) salt += " salt " + fields.cache_salt;
  request->cache_salt = std::move(salt);
  request->cache_key = fields.cache_key;
}

}  // namespace pingti
