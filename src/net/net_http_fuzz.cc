// Arbitrary bytes through the request reader, in pieces whose size the first byte picks; the result may not
// depend on how the bytes were cut.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "net/request_reader.h"

namespace {

using pingti::net::RequestReader;

RequestReader read(std::string_view bytes, size_t step) {
  RequestReader reader({.header_bytes = 4096, .body_bytes = 1 << 16});
  std::string pending;
  for (size_t i = 0; i < bytes.size() && !reader.done() && !reader.error(); i += step) {
    pending += bytes.substr(i, step);
    size_t used = reader.feed(pending);
    PT_CHECK(used <= pending.size());
    pending.erase(0, used);
  }
  return reader;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  RequestReader whole = read(bytes, bytes.size() + 1);
  RequestReader pieces = read(bytes, 1 + data[0] % 64);
  PT_CHECK(whole.done() == pieces.done());
  if (!whole.done()) return 0;
  PT_CHECK(whole.head().headers.count("Host") == 1 || whole.is_http_1_0());
  pingti::net::Request request = whole.take();
  PT_CHECK(request.body.size() <= (1 << 16) && request.path.find('\0') == std::string::npos);
  PT_CHECK(request.body == pieces.take().body);
  return 0;
}
