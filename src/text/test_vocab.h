// For tests: vocabularies from the JSON that tools/tokenizer_golden.py writes.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "text/vocab.h"

namespace pingti {

inline std::string decode_base64(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<uint32_t>(kDigits.find(c));
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count));
  }
  return bytes;
}

inline Vocab vocab_from_json(const nlohmann::json& json) {
  Vocab vocab;
  vocab.model = json.at("model");
  vocab.pre = json.value("pre", "");
  vocab.tokens = json.at("tokens").get<std::vector<std::string>>();
  vocab.types = json.value("types", std::vector<int32_t>{});
  vocab.scores = json.value("scores", std::vector<float>{});
  vocab.merges = json.value("merges", std::vector<std::string>{});
  vocab.unk = json.value("unk", -1);
  vocab.add_space_prefix = json.value("add_space_prefix", true);
  vocab.remove_extra_whitespaces = json.value("remove_extra_whitespaces", false);
  vocab.precompiled_charsmap = decode_base64(json.value("charsmap", ""));
  return vocab;
}

}  // namespace pingti
