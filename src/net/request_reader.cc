#include "net/request_reader.h"

#include <algorithm>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "base/check.h"

namespace pingti::net {
namespace http = boost::beast::http;

struct RequestReader::State {
  http::request_parser<http::string_body> parser;
  ReaderLimits limits;
  Request head;
  bool head_taken = false;
  bool expects_continue = false;
  bool keep_alive = false;
  unsigned version = 11;
  std::optional<ProtocolError> error;
};

namespace {

ProtocolError describe(const boost::beast::error_code& code, const ReaderLimits& limits) {
  if (code == http::error::body_limit) {
    return {413, "The request body is larger than " + std::to_string(limits.body_bytes) + " bytes."};
  }
  if (code == http::error::header_limit || code == http::error::buffer_overflow) {
    return {431, "The request header is larger than " + std::to_string(limits.header_bytes) + " bytes."};
  }
  if (code == http::error::bad_version) return {505, "Only HTTP/1.0 and HTTP/1.1 are spoken here."};
  return {400, "The request is not well-formed HTTP: " + code.message() + "."};
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool percent_decode(std::string_view text, std::string* out) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out->push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return false;
    int high = hex_digit(text[i + 1]);
    int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0 || high * 16 + low == 0) return false;
    out->push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return true;
}

// origin-form, absolute-form (RFC 9112 section 3.2.2) or "*".
bool split_target(Request* request) {
  std::string_view rest = request->target;
  if (rest.empty()) return false;
  for (std::string_view scheme : {"http://", "https://"}) {
    if (rest.size() >= scheme.size() && same_ignoring_case(rest.substr(0, scheme.size()), scheme)) {
      size_t slash = rest.find_first_of("/?", scheme.size());
      rest = slash == std::string_view::npos ? std::string_view("/") : rest.substr(slash);
      break;
    }
  }
  size_t question = rest.find('?');
  if (question != std::string_view::npos) request->query = rest.substr(question + 1);
  std::string_view path = rest.substr(0, question);
  if (path.empty()) path = "/";
  if (path != "*" && path[0] != '/') return false;
  return percent_decode(path, &request->path);
}

// Splits the target; refuses what RFC 9112 forbids and what two readers could understand differently.
std::optional<ProtocolError> check_head(Request* head, unsigned version) {
  const Headers& headers = head->headers;
  if (version / 10 != 1) return ProtocolError{505, "Only HTTP/1.0 and HTTP/1.1 are spoken here."};
  if (!split_target(head)) return ProtocolError{400, "The request target is not a valid path."};
  if (version >= 11 && headers.count("Host") != 1) {
    return ProtocolError{400, "An HTTP/1.1 request needs exactly one Host header."};
  }
  if (!headers.has("Transfer-Encoding")) return std::nullopt;
  if (headers.count("Transfer-Encoding") > 1 ||
      !same_ignoring_case(headers.get("Transfer-Encoding"), "chunked")) {
    return ProtocolError{501, "The only transfer encoding understood is \"chunked\"."};
  }
  if (headers.has("Content-Length")) {
    return ProtocolError{400, "A request has either Content-Length or Transfer-Encoding, not both."};
  }
  return std::nullopt;
}

}  // namespace

RequestReader::RequestReader(ReaderLimits limits) : state_(std::make_unique<State>()) {
  state_->limits = limits;
  state_->parser.header_limit(static_cast<uint32_t>(std::min<size_t>(limits.header_bytes, UINT32_MAX)));
  state_->parser.body_limit(limits.body_bytes);
  state_->parser.eager(false);  // stop behind the header: trailers must not pass for header fields
}

RequestReader::RequestReader(RequestReader&&) noexcept = default;
RequestReader& RequestReader::operator=(RequestReader&&) noexcept = default;
RequestReader::~RequestReader() = default;

void RequestReader::take_head(State* state) {
  state->head_taken = true;
  state->parser.eager(true);
  const auto& message = state->parser.get();
  Request& head = state->head;
  head.method = std::string(message.method_string());
  head.target = std::string(message.target());
  for (const auto& field : message) {
    head.headers.add(std::string(field.name_string()), std::string(field.value()));
  }
  state->keep_alive = message.keep_alive();
  state->version = message.version();
  state->error = check_head(&head, message.version());
  std::string_view expect = head.headers.get("Expect");
  if (!state->error && !expect.empty()) {
    state->expects_continue = same_ignoring_case(expect, "100-continue");
    if (!state->expects_continue) state->error = {417, "The only expectation met is \"100-continue\"."};
  }
}

size_t RequestReader::feed(std::string_view bytes) {
  State& state = *state_;
  size_t used = 0;
  while (!state.error && !state.parser.is_done() && used < bytes.size()) {
    boost::beast::error_code code;
    size_t step = state.parser.put(boost::asio::const_buffer(bytes.data() + used, bytes.size() - used), code);
    used += step;
    if (code && code != http::error::need_more) state.error = describe(code, state.limits);
    if (!state.error && state.parser.is_header_done() && !state.head_taken) {
      take_head(&state);
    } else if (code || step == 0) {
      break;
    }
  }
  return used;
}

bool RequestReader::header_done() const { return state_->head_taken; }
bool RequestReader::done() const { return !state_->error && state_->head_taken && state_->parser.is_done(); }
const std::optional<ProtocolError>& RequestReader::error() const { return state_->error; }
const Request& RequestReader::head() const { return state_->head; }
bool RequestReader::expects_continue() const { return state_->expects_continue && !is_http_1_0(); }
bool RequestReader::keep_alive() const { return state_->keep_alive; }
bool RequestReader::is_http_1_0() const { return state_->version < 11; }

Request RequestReader::take() {
  PT_CHECK(done());
  Request request = std::move(state_->head);
  request.body = std::move(state_->parser.get().body());
  return request;
}

}  // namespace pingti::net
