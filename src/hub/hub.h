// A model hub: how its API lists a repository's files and where it serves them. The list of hubs is
// hub_of(); a new one is one file and one line there. Implementations are stateless singletons that read
// their endpoint and token from the environment at each call; any thread may call.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/http.h"
#include "hub/reference.h"

namespace pingti {

struct RemoteFile {
  std::string path;  // inside the repository
  std::optional<uint64_t> size;
  std::string sha256;  // empty: the hub does not say

  bool operator==(const RemoteFile&) const = default;
};

class Hub {
 public:
  virtual ~Hub() = default;
  virtual std::string_view name() const = 0;        // "Hugging Face"
  virtual std::string_view scheme() const = 0;      // "hf"
  virtual std::string_view token_name() const = 0;  // the environment variable that holds the token
  virtual HttpRequest listing_request(const std::string& repository) const = 0;
  // Reads one page of the listing; files with unsafe paths are left out.
  virtual Result<std::vector<RemoteFile>> parse_listing(const std::string& body) const = 0;
  virtual HttpRequest file_request(const std::string& repository, const std::string& path) const = 0;
};

const Hub& hugging_face();
const Hub& model_scope();
// The hub of a kHuggingFace or kModelScope reference.
const Hub& hub_of(Reference::Kind kind);

// An environment variable, or `fallback` where it is unset or empty; a '/' at its end is dropped.
std::string endpoint_from(const char* variable, const char* fallback);
// A token, without surrounding white space; one with control characters inside counts as none.
std::string token_from(const char* variable);
// Percent-encodes everything but unreserved characters and '/'.
std::string encode_path(std::string_view path);

}  // namespace pingti
