#include "engine/chat_tokens.h"

#include "text/tokenizer.h"

namespace pingti {

std::vector<int32_t> encode_chat(const Tokenizer& tokenizer, std::string_view rendered) {
  auto tokens = tokenizer.encode(rendered, {.add_special = false, .parse_special = true});
  const Vocab& vocab = tokenizer.vocab();
  if (vocab.add_bos && vocab.bos >= 0 && (tokens.empty() || tokens.front() != vocab.bos))
    tokens.insert(tokens.begin(), vocab.bos);
  return tokens;
}

Result<std::vector<int32_t>> chat_tokens(const Engine& engine, const ChatTemplateInput& input) {
  PT_TRY(const std::string text, engine.chat_template().render(input));
  return encode_chat(engine.tokenizer(), text);
}

}  // namespace pingti
