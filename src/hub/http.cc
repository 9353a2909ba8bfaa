#include "hub/http.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <mutex>
#include <string_view>

#include "base/check.h"
#include "hub/text.h"

namespace pingti {
namespace {

constexpr int kMaxRedirects = 10;
constexpr long kStallBytesPerSecond = 1024;

struct CurlFree {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
  void operator()(char* text) const { curl_free(text); }
};
template <class T>
using CurlOwned = std::unique_ptr<T, CurlFree>;

struct Origin {
  std::string scheme, host, port;
  bool operator==(const Origin&) const = default;
};

std::optional<Origin> origin_of(const std::string& text) {
  CurlOwned<CURLU> url(curl_url());
  if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return std::nullopt;
  auto part = [&](CURLUPart which) -> std::string {
    char* value = nullptr;
    if (curl_url_get(url.get(), which, &value, CURLU_DEFAULT_PORT) != CURLUE_OK) return "";
    return CurlOwned<char>(value).get();
  };
  return Origin{part(CURLUPART_SCHEME), lower(part(CURLUPART_HOST)), part(CURLUPART_PORT)};
}

std::optional<uint64_t> parse_number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "Content-Range: bytes 5-9/10" (RFC 9110 section 14.4).
void parse_content_range(std::string_view value, HttpResponse& response) {
  if (!value.starts_with("bytes ")) return;
  value.remove_prefix(6);
  const size_t dash = value.find('-');
  const size_t slash = value.find('/');
  if (slash == std::string_view::npos) return;
  if (dash < slash) response.range_begin = parse_number(value.substr(0, dash));
  response.range_total = parse_number(value.substr(slash + 1));
}

// The target of `<URL>; rel="next"` among the links of a header (RFC 8288).
std::string parse_next_link(std::string_view value) {
  const size_t relation = value.find("rel=\"next\"");
  const size_t end = value.rfind('>', relation);
  const size_t begin = value.rfind('<', end);
  if (relation == value.npos || end == value.npos || begin == value.npos) return "";
  return std::string(value.substr(begin + 1, end - begin - 1));
}

// Seconds or an HTTP date (RFC 9110 section 10.2.3).
std::optional<std::chrono::seconds> parse_retry_after(const std::string& value) {
  if (auto seconds = parse_number(value)) return std::chrono::seconds(std::min<uint64_t>(*seconds, 86400));
  const std::time_t when = curl_getdate(value.c_str(), nullptr);
  if (when < 0) return std::nullopt;
  return std::chrono::seconds(std::max<std::time_t>(0, when - std::time(nullptr)));
}

// One hop: the state the callbacks share.
struct Transfer {
  HttpResponse response;
  BodySink* sink = nullptr;
  std::stop_token stop;
  std::optional<Error> refused;  // by the sink
  bool begun = false;

  bool wants_body() const { return response.status == 200 || response.status == 206; }

  bool deliver(std::span<const std::byte> bytes) {
    if (!begun) {
      begun = true;
      if (auto ok = sink->begin(response); !ok) return refused = std::move(ok).error(), false;
    }
    if (bytes.empty()) return true;
    if (auto ok = sink->write(bytes); !ok) return refused = std::move(ok).error(), false;
    return true;
  }
};

void read_header(Transfer& transfer, std::string_view line) {
  HttpResponse& response = transfer.response;
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n' || line.back() == ' ')) {
    line.remove_suffix(1);
  }
  if (line.starts_with("HTTP/")) {  // a new answer: what a proxy or a 1xx said before is void
    const std::string url = std::move(response.url);
    response = HttpResponse{};
    response.url = url;
    const size_t space = line.find(' ');
    if (space != std::string_view::npos) {
      response.status = static_cast<int>(parse_number(line.substr(space + 1, 3)).value_or(0));
    }
    return;
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const std::string name = lower(line.substr(0, colon));
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  if (name == "etag") response.etag = value;
  if (name == "last-modified") response.last_modified = value;
  if (name == "content-length") response.content_length = parse_number(value);
  if (name == "content-range") parse_content_range(value, response);
  if (name == "link") response.next_page = parse_next_link(value);
  if (name == "retry-after") response.retry_after = parse_retry_after(std::string(value));
}

size_t on_header(char* data, size_t size, size_t count, void* user) {
  read_header(*static_cast<Transfer*>(user), {data, size * count});
  return size * count;
}

size_t on_body(char* data, size_t size, size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const size_t bytes = size * count;
  if (!transfer.wants_body()) return bytes;
  return transfer.deliver({reinterpret_cast<const std::byte*>(data), bytes}) ? bytes : 0;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Transfer*>(user)->stop.stop_requested() ? 1 : 0;
}

std::unexpected<Error> network_error(CURLcode code, const std::string& address, const char* detail) {
  const std::string url = without_query(address);
  const std::string reason = *detail != '\0' ? detail : curl_easy_strerror(code);
  auto error = [&](const char* stable, std::string message, std::string hint = {}) {
    return fail(ErrorKind::kNetwork, stable, std::move(message), std::move(hint));
  };
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return error("http.stalled", fmt::format("the transfer of {} stalled: {}", url, reason));
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return error("http.cut", fmt::format("the connection to {} broke: {}", url, reason));
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
      return error("http.tls", fmt::format("the certificate of {} was not accepted: {}", url, reason),
                   "a private certificate authority goes into the file that SSL_CERT_FILE names");
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return error("http.url", fmt::format("'{}' is not an http or https address: {}", url, reason));
    default:
      return error(
          "http.connection", fmt::format("cannot reach {}: {}", url, reason),
          "a proxy is taken from https_proxy and http_proxy, a mirror of Hugging Face from HF_ENDPOINT");
  }
}

CurlOwned<curl_slist> headers_for(const HttpRequest& request, const std::string& url) {
  curl_slist* list = nullptr;
  auto add = [&](const std::string& line) { list = curl_slist_append(list, line.c_str()); };
  const Credential& secret = request.credential;
  if (!secret.token.empty() && origin_of(url) == origin_of(secret.url)) {
    add("Authorization: Bearer " + secret.token);
    if (!secret.session_cookie_name.empty())
      add("Cookie: " + secret.session_cookie_name + "=" + secret.token);
  }
  if (request.offset > 0 && !request.if_range.empty()) add("If-Range: " + request.if_range);
  return CurlOwned<curl_slist>(list);
}

// A file of certificate authorities named by the environment, as the curl program takes it.
const char* authority_file() {
  for (const char* name : {"CURL_CA_BUNDLE", "SSL_CERT_FILE"}) {
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') return value;
  }
  return nullptr;
}

void configure(CURL* handle, const HttpRequest& request, Transfer& transfer, char* detail) {
  curl_easy_setopt(handle, CURLOPT_URL, transfer.response.url.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_USERAGENT, "pingti");
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, detail);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, static_cast<long>(request.connect_timeout.count()));
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, kStallBytesPerSecond);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, static_cast<long>(request.stall_timeout.count()));
  curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, 256L * 1024);
  if (const char* file = authority_file()) curl_easy_setopt(handle, CURLOPT_CAINFO, file);
  if (request.offset > 0) {
    curl_easy_setopt(handle, CURLOPT_RANGE, fmt::format("{}-", request.offset).c_str());
  }
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &transfer);
}

// Performs one request; returns the address to go on with, or nothing when the answer is final.
Result<std::optional<std::string>> one_hop(CURL* handle, const HttpRequest& request, Transfer& transfer) {
  char detail[CURL_ERROR_SIZE] = "";
  curl_easy_reset(handle);
  const std::string url = transfer.response.url;
  configure(handle, request, transfer, detail);
  const auto headers = headers_for(request, url);
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  const CURLcode code = curl_easy_perform(handle);
  if (transfer.refused) return std::unexpected(std::move(*transfer.refused));
  if (transfer.stop.stop_requested()) {
    return fail(ErrorKind::kCancelled, "http.cancelled", "the transfer was cancelled");
  }
  if (code != CURLE_OK) return network_error(code, url, detail);
  char* next = nullptr;
  curl_easy_getinfo(handle, CURLINFO_REDIRECT_URL, &next);
  if (next == nullptr) return std::optional<std::string>{};
  if (url.starts_with("https:") && !std::string_view(next).starts_with("https:")) {
    return fail(
        ErrorKind::kNetwork, "http.redirect",
        fmt::format("{} redirects to {}, which is not encrypted", without_query(url), without_query(next)));
  }
  return std::optional<std::string>(next);
}

void initialize_curl() {
  static std::once_flag once;
  std::call_once(once, [] { PT_CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK); });
}

class TextSink : public BodySink {
 public:
  TextSink(size_t limit, std::string& text) : limit_(limit), text_(text) {}
  Result<void> begin(const HttpResponse&) override { return {}; }
  Result<void> write(std::span<const std::byte> bytes) override {
    if (text_.size() + bytes.size() > limit_) {
      return fail(ErrorKind::kTooLarge, "http.too_large",
                  fmt::format("the answer is larger than the limit of {} bytes", limit_));
    }
    text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }

 private:
  size_t limit_;
  std::string& text_;
};

}  // namespace

Result<HttpResponse> http_get(const HttpRequest& request, BodySink& sink, const std::stop_token& stop) {
  initialize_curl();
  CurlOwned<CURL> handle(curl_easy_init());
  PT_CHECK(handle != nullptr);
  std::string url = request.url;
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    Transfer transfer;
    transfer.response.url = url;
    transfer.sink = &sink;
    transfer.stop = stop;
    PT_TRY(const auto next, one_hop(handle.get(), request, transfer));
    if (!next) {
      if (transfer.wants_body() && !transfer.deliver({})) return std::unexpected(*transfer.refused);
      return transfer.response;
    }
    url = *next;
  }
  return fail(ErrorKind::kNetwork, "http.redirect",
              fmt::format("{} redirects more than {} times", without_query(request.url), kMaxRedirects));
}

Result<HttpText> http_get_text(const HttpRequest& request, size_t limit, const std::stop_token& stop) {
  HttpText text;
  TextSink sink(limit, text.body);
  PT_TRY(text.response, http_get(request, sink, stop));
  return text;
}

bool is_transient(const Error& error) {
  return error.code == "http.connection" || error.code == "http.stalled" || error.code == "http.cut";
}

bool is_transient_status(int status) {
  return status == 408 || status == 425 || status == 429 || (status >= 500 && status != 501 && status != 505);
}

}  // namespace pingti
