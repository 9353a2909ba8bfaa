#include "engine/vocab_from_gguf.h"

#include <string>
#include <utility>

namespace pingti {
namespace {

const std::string kPrefix = "tokenizer.ggml.";

struct IdKey {
  const char* key;
  int32_t Vocab::* id;
};

// Where two keys name one id, the later row counts.
constexpr IdKey kIds[] = {
    {"bos_token_id", &Vocab::bos},
    {"eos_token_id", &Vocab::eos},
    {"eot_token_id", &Vocab::eot},
    {"eom_token_id", &Vocab::eom},
    {"unknown_token_id", &Vocab::unk},
    {"seperator_token_id", &Vocab::sep},  // spelled so in the format
    {"padding_token_id", &Vocab::pad},
    {"mask_token_id", &Vocab::mask},
    {"prefix_token_id", &Vocab::fim_prefix},
    {"suffix_token_id", &Vocab::fim_suffix},
    {"middle_token_id", &Vocab::fim_middle},
    {"fim_pre_token_id", &Vocab::fim_prefix},
    {"fim_suf_token_id", &Vocab::fim_suffix},
    {"fim_mid_token_id", &Vocab::fim_middle},
    {"fim_pad_token_id", &Vocab::fim_pad},
    {"fim_rep_token_id", &Vocab::fim_repo},
    {"fim_sep_token_id", &Vocab::fim_separator},
};

struct FlagKey {
  const char* key;
  bool Vocab::* flag;
};

constexpr FlagKey kFlags[] = {
    {"add_bos_token", &Vocab::add_bos},
    {"add_eos_token", &Vocab::add_eos},
    {"add_space_prefix", &Vocab::add_space_prefix},
    {"remove_extra_whitespaces", &Vocab::remove_extra_whitespaces},
};

Result<void> read_strings(const gguf::File& file, const char* name, std::vector<std::string>& out) {
  const std::string key = kPrefix + name;
  if (!file.has(key)) return {};
  PT_TRY(const auto views, file.get_strings(key));
  out.assign(views.begin(), views.end());
  return {};
}

template <class T>
Result<void> read_numbers(const gguf::File& file, const char* name, std::vector<T>& out) {
  const std::string key = kPrefix + name;
  if (!file.has(key)) return {};
  PT_TRY(out, file.get_array<T>(key));
  return {};
}

// An id outside the vocabulary counts as none, as files in the field have such.
Result<void> read_id(const gguf::File& file, const IdKey& row, Vocab& vocab) {
  const std::string key = kPrefix + row.key;
  if (file.has(key)) {
    PT_TRY(const int64_t id, file.get<int64_t>(key));
    if (id >= 0 && std::cmp_less(id, vocab.tokens.size())) vocab.*row.id = static_cast<int32_t>(id);
  }
  if (std::cmp_greater_equal(vocab.*row.id, vocab.tokens.size())) vocab.*row.id = -1;  // a default too high
  return {};
}

Result<void> read_character_map(const gguf::File& file, Vocab& vocab) {
  std::vector<int32_t> bytes;
  PT_TRY_VOID(read_numbers(file, "precompiled_charsmap", bytes));
  vocab.precompiled_charsmap.reserve(bytes.size());
  for (const int32_t byte : bytes) vocab.precompiled_charsmap.push_back(static_cast<char>(byte));
  return {};
}

}  // namespace

Result<Vocab> read_vocab(const gguf::File& file) {
  if (!file.has(kPrefix + "model") || !file.has(kPrefix + "tokens")) {
    return fail(ErrorKind::kInvalid, "vocab.missing",
                "The file holds no tokenizer: tokenizer.ggml.model and tokenizer.ggml.tokens are wanted");
  }
  PT_TRY(std::string model, file.get<std::string>(kPrefix + "model"));
  PT_TRY(std::string pre, file.get_or<std::string>(kPrefix + "pre", ""));
  Vocab vocab = default_vocab(std::move(model), std::move(pre));
  PT_TRY_VOID(read_strings(file, "tokens", vocab.tokens));
  PT_TRY_VOID(read_strings(file, "merges", vocab.merges));
  PT_TRY_VOID(read_numbers(file, "scores", vocab.scores));
  PT_TRY_VOID(read_numbers(file, "token_type", vocab.types));
  PT_TRY_VOID(read_character_map(file, vocab));
  for (const IdKey& row : kIds) PT_TRY_VOID(read_id(file, row, vocab));
  for (const FlagKey& row : kFlags) {
    PT_TRY(vocab.*row.flag, file.get_or<bool>(kPrefix + row.key, vocab.*row.flag));
  }
  PT_TRY(vocab.chat_template, file.get_or<std::string>("tokenizer.chat_template", ""));
  return vocab;
}

}  // namespace pingti
