// One GET over HTTP or HTTPS by libcurl: redirects, proxies (http_proxy, https_proxy, no_proxy), a
// credential that never leaves its origin, stall detection, cancellation. Each call is independent;
// any thread may call.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "base/result.h"

namespace pingti {

// A secret for one origin (scheme, host and port of `url`); requests to any other origin, redirects
// included, go without it.
struct Credential {
  std::string url;
  std::string token;                // sent as "Authorization: Bearer TOKEN"; empty: none
  std::string session_cookie_name;  // not empty: the token is also sent as this cookie
};

struct HttpRequest {
  std::string url;
  Credential credential;
  uint64_t offset = 0;   // not 0: asks for the bytes from here on
  std::string if_range;  // validator (strong ETag or date) under which the range is wanted
  std::chrono::seconds connect_timeout{20};
  std::chrono::seconds stall_timeout{30};  // under 1 KiB/s for this long: given up
};

struct HttpResponse {
  int status = 0;
  std::string url;   // after redirects
  std::string etag;  // as sent, quotes included; empty if none
  std::string last_modified;
  std::string next_page;  // address of the following page of a listing, as sent; empty if none
  std::optional<std::chrono::seconds> retry_after;
  std::optional<uint64_t> content_length;
  std::optional<uint64_t> range_begin;  // of Content-Range
  std::optional<uint64_t> range_total;
};

// Takes the body of a 2xx answer.
class BodySink {
 public:
  virtual ~BodySink() = default;
  virtual Result<void> begin(const HttpResponse& response) = 0;  // once, before the first byte
  virtual Result<void> write(std::span<const std::byte> bytes) = 0;
};

// Any final status is a response; its body reaches the sink only for 200 and 206. Errors: what the sink
// refused, "http.cancelled", and kNetwork for what may go better later ("http.connection",
// "http.stalled", "http.cut") or will not ("http.tls", "http.redirect", "http.url").
Result<HttpResponse> http_get(const HttpRequest& request, BodySink& sink, const std::stop_token& stop);

// The whole body of a 200 answer, at most `limit` bytes; `response` says what came otherwise.
struct HttpText {
  HttpResponse response;
  std::string body;
};
Result<HttpText> http_get_text(const HttpRequest& request, size_t limit, const std::stop_token& stop);

// Whether an error of http_get may go away when the request is made again.
bool is_transient(const Error& error);
// The same for a status: 408, 425, 429, 5xx (not 501, 505).
bool is_transient_status(int status);

}  // namespace pingti
