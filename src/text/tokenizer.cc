#include "text/tokenizer.h"

#include <algorithm>
#include <deque>

#include "text/byte_level_bpe.h"
#include "text/encoder.h"
#include "text/sentencepiece_bpe.h"
#include "text/string_table.h"
#include "text/token_roles.h"
#include "text/trie.h"
#include "text/unigram.h"

namespace pingti {
namespace {

constexpr size_t kMaxTokens = size_t{1} << 24;
constexpr size_t kMaxTokenBytes = size_t{1} << 14;  // bounds the search for special tokens at one position

struct EncoderKind {
  std::string_view model;
  Result<std::unique_ptr<Encoder>> (*create)(const Vocab&);
  bool sentencepiece;
};

constexpr EncoderKind kEncoders[] = {
    {"gpt2", ByteLevelBpe::create, false},
    {"llama", SentencePieceBpe::create, true},
    {"gemma4", SentencePieceBpe::create, true},
    {"t5", Unigram::create, true},
};

std::unexpected<Error> malformed(std::string message) {
  return fail(ErrorKind::kInvalid, "vocab.malformed", std::move(message));
}

Result<void> check_ids(const Vocab& vocab) {
  const std::pair<const char*, int32_t> ids[] = {
      {"bos", vocab.bos},
      {"eos", vocab.eos},
      {"eot", vocab.eot},
      {"eom", vocab.eom},
      {"unk", vocab.unk},
      {"sep", vocab.sep},
      {"pad", vocab.pad},
      {"mask", vocab.mask},
      {"fim_prefix", vocab.fim_prefix},
      {"fim_suffix", vocab.fim_suffix},
      {"fim_middle", vocab.fim_middle},
      {"fim_pad", vocab.fim_pad},
      {"fim_repo", vocab.fim_repo},
      {"fim_separator", vocab.fim_separator},
  };
  for (const auto& [name, id] : ids) {
    if (id < -1 || id >= static_cast<int64_t>(vocab.tokens.size())) {
      return malformed(std::string("The ") + name + " token is " + std::to_string(id) +
                       ", but the vocabulary has " + std::to_string(vocab.tokens.size()) + " tokens");
    }
  }
  return {};
}

Result<void> check(const Vocab& vocab) {
  const size_t count = vocab.tokens.size();
  if (count == 0 || count > kMaxTokens) {
    return malformed("The vocabulary has " + std::to_string(count) + " tokens; 1 to " +
                     std::to_string(kMaxTokens) + " are possible");
  }
  for (const auto& [name, found] :
       {std::pair("scores", vocab.scores.size()), std::pair("types", vocab.types.size())}) {
    if (found != 0 && found != count) {
      return malformed("The vocabulary has " + std::to_string(count) + " tokens but " +
                       std::to_string(found) + " " + name);
    }
  }
  for (size_t id = 0; id < count; ++id) {
    if (vocab.tokens[id].size() > kMaxTokenBytes) {
      return malformed("Token " + std::to_string(id) + " has " + std::to_string(vocab.tokens[id].size()) +
                       " bytes; at most " + std::to_string(kMaxTokenBytes) + " are possible");
    }
  }
  return check_ids(vocab);
}

bool is_control_type(TokenType type) { return type == TokenType::kControl || type == TokenType::kUnknown; }

}  // namespace

struct Tokenizer::State {
  Vocab vocab;
  StringTable spelling;
  std::unique_ptr<Encoder> encoder;
  bool sentencepiece = false;
  std::vector<std::string> bytes;  // per token
  Trie special;                    // control and user-defined tokens
  Trie user_defined;               // those that count even without parse_special
  std::vector<int32_t> ends;

  // Both: views into vocab, which the state owns and never changes again.
  void index_special_tokens();
  void spell_tokens();
};

void Tokenizer::State::index_special_tokens() {
  std::vector<Trie::Entry> all, always;
  std::deque<std::string> marked_spellings;
  for (size_t id = 0; id < vocab.tokens.size(); ++id) {
    const TokenType type = token_type(vocab, id);
    const bool user = type == TokenType::kUserDefined;
    if ((!user && !is_control_type(type)) || vocab.tokens[id].empty()) continue;
    all.emplace_back(vocab.tokens[id], static_cast<int32_t>(id));
    if (user) always.push_back(all.back());
    if (user && sentencepiece && vocab.tokens[id].find(' ') != std::string::npos) {
      // The same token in a text that spells the marks itself.
      const std::string& marked = marked_spellings.emplace_back(mark_spaces(vocab.tokens[id]));
      all.emplace_back(marked, static_cast<int32_t>(id));
      always.push_back(all.back());
    }
  }
  special = Trie(std::move(all));
  user_defined = Trie(std::move(always));
}

void Tokenizer::State::spell_tokens() {
  bytes.resize(vocab.tokens.size());
  for (size_t id = 0; id < vocab.tokens.size(); ++id) {
    const TokenType type = token_type(vocab, id);
    bytes[id] = is_control_type(type) ? vocab.tokens[id] : encoder->bytes_of(vocab.tokens[id], type);
  }
}

Tokenizer::Tokenizer(std::unique_ptr<const State> state) : state_(std::move(state)) {}
Tokenizer::~Tokenizer() = default;

Result<std::unique_ptr<Tokenizer>> Tokenizer::create(Vocab vocab) {
  PT_TRY_VOID(check(vocab));
  const auto* kind = std::ranges::find(kEncoders, vocab.model, &EncoderKind::model);
  if (kind == std::end(kEncoders)) {
    return fail(ErrorKind::kUnsupported, "vocab.unsupported_model",
                "tokenizer.ggml.model is \"" + vocab.model + "\"; known are gpt2, llama, gemma4 and t5");
  }
  auto state = std::make_unique<State>();
  state->vocab = std::move(vocab);
  state->spelling = StringTable(state->vocab.tokens.size());
  for (size_t id = 0; id < state->vocab.tokens.size(); ++id) {
    state->spelling.insert(state->vocab.tokens[id], static_cast<int32_t>(id));
  }
  fill_token_roles(state->vocab, state->spelling);
  state->ends = pingti::end_of_generation_ids(state->vocab, state->spelling);
  PT_TRY(state->encoder, kind->create(state->vocab));
  state->sentencepiece = kind->sentencepiece;
  state->spell_tokens();
  state->index_special_tokens();
  return std::unique_ptr<Tokenizer>(new Tokenizer(std::move(state)));
}

std::vector<int32_t> Tokenizer::encode(std::string_view utf8, EncodeOptions options) const {
  const Vocab& vocab = state_->vocab;
  const Trie& special = options.parse_special ? state_->special : state_->user_defined;
  std::vector<int32_t> ids;
  ids.reserve(utf8.size() / 3 + 8);
  if (options.add_special && vocab.add_bos && vocab.bos >= 0) ids.push_back(vocab.bos);
  size_t begin = 0;  // of the ordinary text before pos
  const auto encode_ordinary = [&](size_t end) {
    if (begin < end) state_->encoder->encode(utf8.substr(begin, end - begin), ids);
  };
  for (size_t pos = 0; pos < utf8.size();) {
    const Trie::Match match = special.longest(utf8.substr(pos));
    if (match.value < 0) {
      ++pos;
      continue;
    }
    encode_ordinary(pos);
    ids.push_back(match.value);
    begin = pos += match.length;
  }
  encode_ordinary(utf8.size());
  if (options.add_special && vocab.add_eos && vocab.eos >= 0) ids.push_back(vocab.eos);
  return ids;
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special) const {
  std::string text;
  for (const int32_t id : ids) {
    if (!skip_special || !is_control(id)) text += token_bytes(id);
  }
  if (strips_leading_space() && text.starts_with(' ')) text.erase(0, 1);
  return text;
}

std::string_view Tokenizer::token_bytes(int32_t id) const {
  return id >= 0 && id < size() ? std::string_view(state_->bytes[static_cast<size_t>(id)])
                                : std::string_view();
}

int32_t Tokenizer::find_token(std::string_view spelling) const { return state_->spelling.find(spelling); }

bool Tokenizer::is_control(int32_t id) const {
  return id >= 0 && id < size() && is_control_type(token_type(state_->vocab, static_cast<size_t>(id)));
}

bool Tokenizer::is_end_of_generation(int32_t id) const {
  return std::ranges::binary_search(state_->ends, id);
}
std::span<const int32_t> Tokenizer::end_of_generation_ids() const { return state_->ends; }

bool Tokenizer::strips_leading_space() const {
  return state_->sentencepiece && state_->vocab.add_space_prefix;
}

const Vocab& Tokenizer::vocab() const { return state_->vocab; }
int32_t Tokenizer::size() const { return static_cast<int32_t>(state_->vocab.tokens.size()); }

}  // namespace pingti
