#include "engine/dry_breakers.h"

#include "text/tokenizer.h"

namespace pingti {

const std::vector<std::string>& default_dry_breakers() {
  static const std::vector<std::string> kTexts = {"\n", ":", "\"", "*"};
  return kTexts;
}

std::vector<std::vector<int32_t>> dry_breakers(const Tokenizer& tokenizer,
                                               std::span<const std::string> texts) {
  std::vector<std::vector<int32_t>> sequences;
  sequences.reserve(texts.size());
  for (const std::string& text : texts)
    sequences.push_back(tokenizer.encode(text, {.add_special = false, .parse_special = true}));
  return sequences;
}

}  // namespace pingti
