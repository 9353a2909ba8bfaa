#include "cli/long_context.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <random>

#include "model/runner.h"

namespace pingti {
namespace {

constexpr size_t kPrefillChunk = 512;
constexpr std::string_view kFiller =
    "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again. ";
constexpr int kFrequentWords = 3;
constexpr int kRareWords = 60;

int token_count(const Tokenizer& tokenizer, std::string_view text) {
  return static_cast<int>(tokenizer.encode(text, {.add_special = true, .parse_special = false}).size());
}

// Not std::uniform_int_distribution, whose numbers differ between libraries.
uint32_t below(std::mt19937& random, uint32_t limit) { return static_cast<uint32_t>(random()) % limit; }

// The haystack's whole lines, or the filler's sentences, as many as fit.
std::vector<std::string> hay_pieces(const Tokenizer& tokenizer, std::string_view haystack, int tokens) {
  std::vector<std::string> pieces;
  if (haystack.empty()) {
    // Pieces meet as they do in the text, so that their tokens add up.
    const int more =
        token_count(tokenizer, std::string(kFiller) + std::string(kFiller)) - token_count(tokenizer, kFiller);
    pieces.assign(static_cast<size_t>(std::max(0, tokens / more)), std::string(kFiller));
    return pieces;
  }
  while (!haystack.empty()) {
    const size_t end = std::min(haystack.find('\n'), haystack.size() - 1) + 1;
    tokens -= token_count(tokenizer, haystack.substr(0, end));
    if (tokens < 0) break;
    pieces.emplace_back(haystack.substr(0, end));
    haystack.remove_prefix(end);
  }
  return pieces;
}

// Five letters, consonants and vowels in turn: no word of a language, and a few tokens.
std::string made_up_word(std::mt19937& random) {
  constexpr std::string_view kConsonants = "bdfgklmnprstvz";
  constexpr std::string_view kVowels = "aeiou";
  std::string word;
  for (int i = 0; i < 5; ++i) {
    const std::string_view letters = i % 2 == 0 ? kConsonants : kVowels;
    word += letters[below(random, static_cast<uint32_t>(letters.size()))];
  }
  return word;
}

std::vector<std::string> made_up_words(std::mt19937& random, int count) {
  std::vector<std::string> words;
  while (static_cast<int>(words.size()) < count) {
    std::string word = made_up_word(random);
    if (std::ranges::find(words, word) == words.end()) words.push_back(std::move(word));
  }
  return words;
}

bool contains_word(std::string_view text, std::string_view word) {
  const auto part_of_word = [&](size_t at) {
    return at < text.size() && std::isalnum(static_cast<unsigned char>(text[at])) != 0;
  };
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    if (!(at > 0 && part_of_word(at - 1)) && !part_of_word(at + word.size())) return true;
  }
  return false;
}

}  // namespace

LongContextTask make_passkey_task(const Tokenizer& tokenizer, int length, double depth, uint32_t seed,
                                  std::string_view haystack) {
  std::mt19937 random(seed);
  const std::string key = fmt::format("{}", 10000 + below(random, 90000));
  const std::string head =
      "There is important information hidden inside a lot of irrelevant text. Find it and memorize it.\n\n";
  const std::string needle =
      fmt::format("\nThe pass key is {}. Remember it. {} is the pass key.\n", key, key);
  const std::string question = "\n\nWhat is the pass key? The pass key is";
  LongContextTask task{.prompt = head, .answers = {key}, .answer_tokens = 10};
  const int room = length - task.answer_tokens - token_count(tokenizer, head + needle + question);
  const std::vector<std::string> pieces = hay_pieces(tokenizer, haystack, room);
  const auto place = static_cast<size_t>(std::lround(depth * static_cast<double>(pieces.size())));
  for (size_t i = 0; i <= pieces.size(); ++i) {
    if (i == place) task.prompt += needle;
    if (i < pieces.size()) task.prompt += pieces[i];
  }
  task.prompt += question;
  return task;
}

LongContextTask make_frequent_words_task(const Tokenizer& tokenizer, int length, uint32_t seed) {
  std::mt19937 random(seed);
  const std::vector<std::string> words = made_up_words(random, kFrequentWords + kRareWords);
  const std::string head =
      "Below is a list of words. Some of them are much more frequent than the others.\n\n";
  const std::string question =
      "\n\nQuestion: Which three words are the most frequent in the list above?\nAnswer: The three most "
      "frequent words are:";
  LongContextTask task{
      .prompt = head, .answers = {words.begin(), words.begin() + kFrequentWords}, .answer_tokens = 32};
  int room = length - task.answer_tokens - token_count(tokenizer, head + question);
  // Rounds of every rare word once and every frequent one three times, shuffled.
  std::vector<std::string> list;
  while (true) {
    std::vector<std::string> round(words.begin() + kFrequentWords, words.end());
    for (int i = 0; i < kFrequentWords; ++i) round.insert(round.end(), 3, words[static_cast<size_t>(i)]);
    for (size_t i = round.size() - 1; i > 0; --i)
      std::swap(round[i], round[below(random, static_cast<uint32_t>(i + 1))]);
    std::string text;
    for (const std::string& word : round) text += " " + word;
    room -= token_count(tokenizer, text);
    if (room < 0) break;
    task.prompt += text;
  }
  task.prompt += question;
  return task;
}

double score(const LongContextTask& task, std::string_view text) {
  const auto found = std::ranges::count_if(
      task.answers, [&](const std::string& answer) { return contains_word(text, answer); });
  return static_cast<double>(found) / static_cast<double>(task.answers.size());
}

Result<std::string> most_likely_answer(Model& model, const Tokenizer& tokenizer,
                                       const LongContextTask& task) {
  const std::vector<int32_t> prompt =
      tokenizer.encode(task.prompt, {.add_special = true, .parse_special = false});
  PT_TRY(Runner runner,
         Runner::create(model, /*sequences=*/1, static_cast<int64_t>(prompt.size()) + task.answer_tokens));
  std::span<const int32_t> rest(prompt);
  std::vector<int32_t> answer;
  while (static_cast<int>(answer.size()) < task.answer_tokens) {
    const auto part = rest.first(std::min(rest.size(), kPrefillChunk));
    rest = rest.subspan(part.size());
    const Runner::Piece piece{.tokens = part, .no_logits = !rest.empty()};
    const std::span<const float> logits = runner.step({&piece, 1});
    if (!rest.empty()) continue;
    const auto token = static_cast<int32_t>(std::ranges::max_element(logits) - logits.begin());
    if (tokenizer.is_end_of_generation(token)) break;
    answer.push_back(token);
    rest = std::span<const int32_t>(answer).last(1);
  }
  return tokenizer.decode(answer, /*skip_special=*/true);
}

}  // namespace pingti
