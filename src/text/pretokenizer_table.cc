// Which pre-tokenizer a model file's tokenizer.ggml.pre names. A new one is one row; the patterns are those
// of the original tokenizer.json files.
#include <unordered_map>

#include "text/pretokenizer.h"

namespace pingti {
namespace {

constexpr std::string_view kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen35 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kGpt4o =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kTekken =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kSeedCoder =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kBailing =
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)";
constexpr std::string_view kDeepSeekV3 =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
// Cased letters of Latin, Greek, Cyrillic, Armenian, Georgian, Cherokee, Coptic, Deseret and others.
constexpr std::string_view kDeepSeekLetters =
    R"(\s?[A-Za-z\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-\x{293})"
    R"(\x{295}-\x{2AF}\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386}\x{388}-\x{38A})"
    R"(\x{38C}\x{38E}-\x{3A1}\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F}\x{531}-\x{556})"
    R"(\x{10A0}-\x{10C5}\x{13A0}-\x{13F5}\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA}\x{1CBD}-\x{1CBF})"
    R"(\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77}\x{1D79}-\x{1D9A}\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D})"
    R"(\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D}\x{1F50}-\x{1F57}\x{1F59}\x{1F5B}\x{1F5D}\x{1F5F}-\x{1F7D})"
    R"(\x{1F80}-\x{1FB4}\x{1FB6}-\x{1FBC}\x{1FBE}\x{1FC2}-\x{1FC4}\x{1FC6}-\x{1FCC})"
    R"(\x{1FD0}-\x{1FD3}\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC}\x{1FF2}-\x{1FF4}\x{1FF6}-\x{1FFC})"
    R"(\x{2102}\x{2107}\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124}\x{2126}\x{2128})"
    R"(\x{212A}-\x{212D}\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F}\x{2145}-\x{2149}\x{214E}\x{2183})"
    R"(\x{2184}\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4}\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3}\x{A640}-\x{A66D})"
    R"(\x{A680}-\x{A69B}\x{A722}-\x{A76F}\x{A771}-\x{A787}\x{A78B}-\x{A78E}\x{AB70}-\x{ABBF})"
    R"(\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A}\x{10400}-\x{1044F})"
    R"(\x{104B0}-\x{104D3}\x{104D8}-\x{104FB}\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2})"
    R"(\x{118A0}-\x{118DF}\x{1E900}-\x{1E943}]+)";
constexpr std::string_view kDeepSeekPunctuation =
    R"(\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3000}-\x{3002}]+)";
constexpr std::string_view kDeepSeekCjk = R"([\x{4E00}-\x{9FA5}\x{800}-\x{4E00}\x{AC00}-\x{D7FF}]+)";
constexpr std::string_view kCjk = R"([\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)";
constexpr std::string_view kPunctuation = R"([\p{P}$+<=>^`|~]+)";
constexpr std::string_view kBloom = R"( ?[^(\s|.,!?…。，、।۔،)]+)";
constexpr std::string_view kOneDigit = R"(\p{N})";
constexpr std::string_view kThreeDigits = R"(\p{N}{1,3})";
constexpr std::string_view kNewline = R"([\r\n])";

using Table = std::unordered_map<std::string_view, PretokenizerKind>;

Table make_table() {
  const PretokenizerKind gpt2{.steps = {kGpt2}};
  const PretokenizerKind gpt2_nfc{.steps = {kGpt2}, .nfc = true};
  const PretokenizerKind digits{.steps = {kOneDigit, kGpt2}};
  const PretokenizerKind digits_nfc{.steps = {kOneDigit, kGpt2}, .nfc = true};
  const PretokenizerKind qwen2{.steps = {kQwen2}, .nfc = true};
  const PretokenizerKind qwen2_plain{.steps = {kQwen2}};
  const PretokenizerKind llama3{.steps = {kLlama3}, .ignore_merges = true, .add_bos = true};
  const PretokenizerKind cl100k{.steps = {kLlama3}};
  const PretokenizerKind gpt4o{.steps = {kGpt4o}, .ignore_merges = true};
  const PretokenizerKind deepseek_v3{.steps = {kThreeDigits, kCjk, kDeepSeekV3}};
  const PretokenizerKind bailing{.steps = {kBailing}};
  return {
      {"default", {.steps = {kPunctuation, kGpt2, R"(\p{N}+)", "[0-9][0-9][0-9]"}}},
      {"gpt-2", gpt2},
      {"phi-2", gpt2},
      {"jina-es", gpt2},
      {"jina-de", gpt2},
      {"jina-v2-es", gpt2},
      {"jina-v2-de", gpt2},
      {"gigachat", gpt2},
      {"a.x-4.0", gpt2},
      {"mellum", gpt2},
      {"exaone4", gpt2},
      {"jais", gpt2},
      {"trillion", gpt2},
      {"granite-docling", gpt2},
      {"mpt", gpt2_nfc},
      {"olmo", gpt2_nfc},
      {"modern-bert", gpt2_nfc},
      {"smollm", digits},
      {"starcoder", digits},
      {"refact", digits},
      {"codeshell", digits},
      {"minerva-7b", digits},
      {"mellum2", digits},
      {"command-r", digits_nfc},
      {"exaone", digits_nfc},
      {"qwen2", qwen2},
      {"deepseek-r1-qwen", qwen2},
      {"stablelm2", qwen2},
      {"megrez", qwen2},
      {"hunyuan", qwen2_plain},
      {"solar-open", qwen2_plain},
      {"grok-2", qwen2_plain},
      {"qwen35", {.steps = {kQwen35}, .nfc = true}},
      {"llama3", llama3},
      {"llama-v3", llama3},
      {"llama-bpe", llama3},
      {"falcon3", llama3},
      {"falcon-h1", llama3},
      {"pixtral", llama3},
      {"midm-2.0", llama3},
      {"lfm2", llama3},
      {"dbrx", cl100k},
      {"smaug-bpe", cl100k},
      {"chatglm-bpe", cl100k},
      {"glm4", {.steps = {kLlama3}, .ignore_merges = true}},
      {"gpt-4o", gpt4o},
      {"llama4", gpt4o},
      {"kanana2", gpt4o},
      {"tekken", {.steps = {kTekken}, .ignore_merges = true, .add_bos = true}},
      {"seed-coder", {.steps = {kSeedCoder}}},
      {"bailingmoe", bailing},
      {"bailingmoe2", bailing},
      {"llada-moe", bailing},
      {"falcon", {.steps = {kPunctuation, kGpt2, PretokenizerKind::kByteAlphabetDigits}}},
      {"deepseek-llm",
       {.steps = {kNewline, kDeepSeekLetters, kDeepSeekPunctuation, R"(\s+$)", kDeepSeekCjk, kOneDigit}}},
      {"deepseek-coder", {.steps = {kNewline, R"(\s?\p{L}+)", R"(\s?\p{P}+)", kDeepSeekCjk, kOneDigit}}},
      {"deepseek-v3", deepseek_v3},
      {"hunyuan-dense", deepseek_v3},
      {"joyai-llm", deepseek_v3},
      {"bloom", {.steps = {kBloom}}},
      {"gpt3-finnish", {.steps = {kBloom}}},
      {"poro-chat", {.steps = {kBloom}}},
      {"viking", {.steps = {kBloom, kOneDigit}}},
  };
}

}  // namespace

const PretokenizerKind* find_pretokenizer(std::string_view name) {
  static const Table kTable = make_table();
  const auto found = kTable.find(name.empty() ? "default" : name);
  return found == kTable.end() ? nullptr : &found->second;
}

}  // namespace pingti
