// Fetches one address into one file: resumed, retried, checked, renamed into place when whole.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "hub/http.h"
#include "hub/transfer.h"

namespace pingti {

struct UrlObject {
  HttpRequest request;     // address and credential
  std::string source;      // for people, e.g. "hf:ORG/REPO:FILE"
  std::string token_hint;  // what to set when the peer asks for authorization; may be empty
  Expected expected;
  std::string identity{};  // the source as stamp and part file remember it; empty: the same text

  const std::string& remembered() const { return identity.empty() ? source : identity; }
};

// The caller holds the target's lock and has made its folder.
Result<void> fetch_url(const UrlObject& object, const std::filesystem::path& target,
                       const TransferOptions& options, ProgressSink& sink);

// The error for a final HTTP status that brought no file. kNetwork for what may pass, kNotFound for 404
// and 410, kInvalid otherwise; code "hub.http_STATUS".
Error status_error(const HttpResponse& response, const std::string& source, const std::string& token_hint);

// http_get_text with the same retries: for listings.
Result<HttpText> fetch_text(const HttpRequest& request, const std::string& source,
                            const std::string& token_hint, size_t limit, const TransferOptions& options,
                            ProgressSink& sink);

}  // namespace pingti
