// Bytes of a connection -> one HTTP/1.x request (RFC 9112). Does no I/O, so any source can feed it.
//
// Used by one thread at a time. Feed bytes until done() or error(); bytes that feed() did not consume belong
// to what follows (or to an incomplete line) and must be offered again together with more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/http_message.h"

namespace pingti::net {

struct ReaderLimits {
  size_t header_bytes = 32 << 10;
  size_t body_bytes = 32 << 20;
};

struct ProtocolError {
  int status = 400;     // 400, 413, 417, 431, 501 or 505
  std::string message;  // one sentence
};

class RequestReader {
 public:
  explicit RequestReader(ReaderLimits limits);
  RequestReader(RequestReader&&) noexcept;
  RequestReader& operator=(RequestReader&&) noexcept;
  ~RequestReader();

  // Returns how many bytes were used up.
  size_t feed(std::string_view bytes);

  bool header_done() const;
  bool done() const;
  const std::optional<ProtocolError>& error() const;

  // Valid once header_done(): the request without its body, and what it asks of the connection.
  const Request& head() const;
  bool expects_continue() const;
  bool keep_alive() const;
  bool is_http_1_0() const;

  // Valid once done(): the request with its body; the reader is spent.
  Request take();

 private:
  struct State;
  static void take_head(State* state);
  std::unique_ptr<State> state_;
};

}  // namespace pingti::net
