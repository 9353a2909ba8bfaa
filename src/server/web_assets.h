// The chat page's files, embedded at build (embed.cmake).
#pragma once

#include <span>
#include <string_view>

namespace pingti {

struct WebAsset {
  std::string_view path;  // "/app.js"
  std::string_view type;  // Content-Type
  std::string_view bytes;
  std::string_view tag;  // ETag, changes with the bytes
};

std::span<const WebAsset> web_assets();

}  // namespace pingti
