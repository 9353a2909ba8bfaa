#include "text/token_roles.h"

#include <algorithm>
#include <initializer_list>

#include "text/encoder.h"

namespace pingti {
namespace {

struct Role {
  int32_t Vocab::* id;
  std::initializer_list<std::string_view> spellings;  // the first that exists counts
};

const Role kRoles[] = {
    {&Vocab::eot,
     {"<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<turn|>", "<|endofturn|>", "<|endoftext|>",
      "<|end_of_text|>", "<EOT>", "_<EOT>", "[EOT]", "<｜end▁of▁sentence｜>", "<end_of_utterance>"}},
    {&Vocab::eom, {"<|eom_id|>"}},
    {&Vocab::fim_prefix,
     {"<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<｜fim▁begin｜>", "<PRE>", "▁<PRE>",
      "<|code_prefix|>", "<|prefix|>"}},
    {&Vocab::fim_suffix,
     {"<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<｜fim▁hole｜>", "<SUF>", "▁<SUF>",
      "<|code_suffix|>", "<|suffix|>"}},
    {&Vocab::fim_middle,
     {"<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<｜fim▁end｜>", "<MID>", "▁<MID>", "<|code_middle|>",
      "<|middle|>"}},
    {&Vocab::fim_pad, {"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"}},
    {&Vocab::fim_repo, {"<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<reponame>", "<REPO>"}},
    {&Vocab::fim_separator, {"<|file_sep|>"}},
};

constexpr std::string_view kEnds[] = {
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<end_of_turn>",
    "<turn|>",
    "<|endofturn|>",
    "<|eom_id|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<eos>",
    "<end_of_utterance>",
    "<｜end▁of▁sentence｜>",
};

bool is_special(const Vocab& vocab, int32_t id) {
  const TokenType type = token_type(vocab, static_cast<size_t>(id));
  return vocab.types.empty() || type == TokenType::kControl || type == TokenType::kUserDefined;
}

}  // namespace

void fill_token_roles(Vocab& vocab, const StringTable& spelling) {
  for (const Role& role : kRoles) {
    for (const std::string_view name : role.spellings) {
      if (vocab.*role.id >= 0) break;
      const int32_t id = spelling.find(name);
      if (id >= 0 && is_special(vocab, id)) vocab.*role.id = id;
    }
  }
}

std::vector<int32_t> end_of_generation_ids(const Vocab& vocab, const StringTable& spelling) {
  // A file separator or the padding of an infilling ends it as well.
  std::vector<int32_t> ids{vocab.eos,     vocab.eot,      vocab.eom,
                           vocab.fim_pad, vocab.fim_repo, vocab.fim_separator};
  for (const std::string_view name : kEnds) {
    const int32_t id = spelling.find(name);
    if (id >= 0 && is_special(vocab, id)) ids.push_back(id);
  }
  // In OpenAI's harmony format <|end|> only ends a message; <|return|> and <|call|> end the answer.
  if (spelling.find("<|return|>") >= 0 && spelling.find("<|call|>") >= 0) {
    std::erase(ids, spelling.find("<|end|>"));
  }
  std::erase_if(ids, [](int32_t id) { return id < 0; });
  std::ranges::sort(ids);
  const auto repeated = std::ranges::unique(ids);
  ids.erase(repeated.begin(), repeated.end());
  return ids;
}

}  // namespace pingti
