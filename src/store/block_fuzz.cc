// Reads any bytes as the file of a KV block; what is believed must encode to the same bytes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "store/block.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto view = pingti::decode_block(bytes);
  if (!view) return 0;
  const pingti::Block block{
      view->name, view->parent, view->tokens, {view->payload.begin(), view->payload.end()}};
  if (!std::ranges::equal(pingti::encode_block(block), bytes)) std::abort();
  return 0;
}
