#include "server/access.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "net/http_server.h"

namespace pingti {
namespace {

bool is_ip_literal(std::string_view host) {
  if (host.find(':') != std::string_view::npos) return true;  // only IPv6 addresses hold colons here
  return !host.empty() &&
         std::ranges::all_of(host, [](unsigned char c) { return std::isdigit(c) || c == '.'; });
}

}  // namespace

bool same_secret(std::string_view given, std::string_view wanted) {
  unsigned different = given.size() == wanted.size() ? 0 : 1;
  for (size_t i = 0; i < given.size(); ++i) {
    char other = wanted.empty() ? '\0' : wanted[i % wanted.size()];
    different |= static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(other);
  }
  return different == 0;
}

std::string_view given_api_key(const net::Headers& headers) {
  std::string_view given = headers.get("Authorization");
  constexpr std::string_view kBearer = "Bearer ";
  if (given.size() >= kBearer.size() && net::same_ignoring_case(given.substr(0, kBearer.size()), kBearer)) {
    given.remove_prefix(kBearer.size());
    return given;
  }
  return headers.get("X-Api-Key");
}

namespace {

std::optional<wire::ApiError> check_key(const std::vector<std::string>& keys, const net::Headers& headers,
                                        std::string_view kind) {
  const std::string_view given = given_api_key(headers);
  bool known = false;
  for (const std::string& key : keys) known |= same_secret(given, key);
  if (known && !given.empty()) return std::nullopt;
  return wire::ApiError{.status = 401,
                        .message = given.empty() ? fmt::format("An {} key is needed: send the header "
                                                               "'Authorization: Bearer KEY'.",
                                                               kind)
                                                 : fmt::format("The {} key is not known here.", kind),
                        .type = "authentication_error",
                        .code = "invalid_api_key"};
}

}  // namespace

std::optional<wire::ApiError> check_api_key(const ServerOptions& options, const net::Headers& headers) {
  if (options.api_keys.empty()) return std::nullopt;
  return check_key(options.api_keys, headers, "API");
}

std::optional<wire::ApiError> check_admin_key(const ServerOptions& options, const net::Headers& headers) {
  if (options.admin_keys.empty()) {
    return wire::ApiError{.status = 403,
                          .message = "This server has no admin key; --admin-key sets one.",
                          .type = "permission_error",
                          .code = "no_admin_key"};
  }
  return check_key(options.admin_keys, headers, "admin");
}

std::string_view host_name(std::string_view host) {
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.rfind(':'));
}

std::optional<wire::ApiError> check_origin(const ServerOptions& options, bool loopback,
                                           const net::Headers& headers) {
  if (!options.api_keys.empty()) return std::nullopt;
  std::string_view host = headers.get("Host");
  std::string_view name = host_name(host);
  bool listed = std::ranges::any_of(options.allowed_hosts, [&](const std::string& allowed) {
    return net::same_ignoring_case(allowed, name);
  });
  if (loopback && headers.has("Host") && !listed && !is_ip_literal(name) &&
      !net::is_loopback_host(std::string(name))) {
    return wire::ApiError{
        .status = 403,
        .message = fmt::format("This server is not known by the name \"{}\"; --allowed-host adds one.",
                               name.substr(0, 100)),
        .code = "host_not_allowed"};
  }
  std::string_view origin = headers.get("Origin");
  if (origin.empty()) return std::nullopt;
  size_t scheme = origin.find("://");
  if (scheme != std::string_view::npos && net::same_ignoring_case(origin.substr(scheme + 3), host))
    return std::nullopt;
  return wire::ApiError{.status = 403,
                        .message = "Pages of other origins may not use this server without an API key.",
                        .code = "origin_not_allowed"};
}

}  // namespace pingti
