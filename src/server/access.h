// Who may ask: API keys, and defences against web pages that reach a server on the visitor's own machine.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "net/http_message.h"
#include "server/server.h"
#include "wire/api_error.h"

namespace pingti {

// Takes the same time for every wrong key of one length.
bool same_secret(std::string_view given, std::string_view wanted);

// The key of "Authorization: Bearer KEY" or "X-Api-Key: KEY"; empty: none.
std::string_view given_api_key(const net::Headers& headers);

// "Authorization: Bearer KEY" or "X-Api-Key: KEY" against options.api_keys. Nothing when it may pass.
std::optional<wire::ApiError> check_api_key(const ServerOptions& options, const net::Headers& headers);

// The same against options.admin_keys; without any, nobody may.
std::optional<wire::ApiError> check_admin_key(const ServerOptions& options, const net::Headers& headers);

// Without API keys, a server on loopback answers only to names of this machine (a rebound DNS name is not
// one) and to pages of its own origin.
std::optional<wire::ApiError> check_origin(const ServerOptions& options, bool loopback,
                                           const net::Headers& headers);

// Host header without its port: "[::1]:80" -> "::1".
std::string_view host_name(std::string_view host);

}  // namespace pingti
