// Small text helpers of this folder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pingti {

// ASCII letters in lower case.
std::string lower(std::string_view text);

// "98.4 MB": decimal units, as hubs and disks count.
std::string human_bytes(uint64_t bytes);

// An address as it may be shown: without its query, which may hold a signature.
std::string without_query(std::string_view url);
// The same with "?…" in the query's place.
std::string display_url(std::string_view url);

}  // namespace pingti
