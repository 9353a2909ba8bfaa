// JSON from the network: parsed with limits, errors in one sentence.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pingti::wire {

using Json = nlohmann::ordered_json;

struct JsonLimits {
  int depth = 64;                   // nested arrays and objects
  size_t values = 4u << 20;         // of any type, at most
  size_t object_members = 1024;     // of one object
  size_t total_members = 1u << 16;  // of all objects (ordered objects find a member by looking at each)
};

// Strict RFC 8259: no comments, no trailing bytes, no NUL outside a string's escapes, valid UTF-8 only. Of
// members with one name the last counts. Errors: "json.syntax", "json.limit", "json.number".
Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});

// Compact text; bytes that are not UTF-8 become U+FFFD.
std::string to_text(const Json& value);

// "the string \"abc\"", "the number 1.5", "an array of 3 items", for messages.
std::string describe(const Json& value);

}  // namespace pingti::wire
