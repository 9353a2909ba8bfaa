#include "grammar/regex.h"

#include <gtest/gtest.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <nlohmann/json.hpp>
#include <random>

#include "grammar/testing/byte_grammar.h"

namespace pingti::testing {
namespace {

TEST(Regex, MatchesAsAWhole) {
  struct {
    const char* pattern;
    std::vector<std::string> right;
    std::vector<std::string> wrong;
  } const samples[] = {
      {"abc", {"abc"}, {"ab", "abcd", ""}},
      {"^a$|^b$", {"a", "b"}, {"ab", "c"}},
      {"(yes|no)?", {"yes", "no", ""}, {"y"}},
      {"a|", {"a", ""}, {"b"}},
      {R"([+-]?\d{1,3}(?:\.\d+)?)", {"1", "-123.5", "+0"}, {"1234", "1."}},
      {R"([^\d\s]+)", {"abc", "é", "日本"}, {"a1", "a b", "\xc2\xa0"}},
      {R"([\]\\^-]+)", {"]\\^-"}, {"a"}},
      {R"(\u00e9\x41\u{1F600}\cJ)", {"éA😀\n"}, {"eA"}},
      {R"(\ud83d\ude00)", {"😀"}, {}},
      {".+", {"ab é"}, {"a\nb", ""}},
      {"(?<year>[0-9]{4})(?P<x>b)", {"2024b"}, {"24b"}},
      {"a*?b+?", {"aab", "b"}, {"a"}},
      {R"([a-c]{2,}\/\-)", {"ab/-", "abcabc/-"}, {"a/-"}},
      {R"([.])", {"."}, {"a"}},
      {R"(\.\$\^)", {".$^"}, {}},
  };
  for (const auto& sample : samples) {
    for (const auto& text : sample.right)
      EXPECT_TRUE(accepts(regex_spec(sample.pattern), text)) << sample.pattern << " " << text;
    for (const auto& text : sample.wrong)
      EXPECT_FALSE(accepts(regex_spec(sample.pattern), text)) << sample.pattern << " " << text;
  }
}

TEST(Regex, RefusesWhatItCannotSay) {
  struct {
    const char* pattern;
    const char* code;
  } const samples[] = {
      {"a(?=b)", "grammar.unsupported"},
      {"a(?!b)", "grammar.unsupported"},
      {"(?<=a)b", "grammar.unsupported"},
      {"(?<!a)b", "grammar.unsupported"},
      {"(?i)a", "grammar.unsupported"},
      {"(?>a)", "grammar.unsupported"},
      {R"((a)\1)", "grammar.unsupported"},
      {R"(\bword)", "grammar.unsupported"},
      {R"(\p{L})", "grammar.unsupported"},
      {R"(\k<a>)", "grammar.unsupported"},
      {"a^b", "grammar.unsupported"},
      {"a$b", "grammar.unsupported"},
      {"(^a)", "grammar.unsupported"},
      {"*a", "grammar.regex"},
      {"a**", "grammar.regex"},
      {"a{2}{3}", "grammar.regex"},
      {"a{3,2}", "grammar.regex"},
      {"a{x}", "grammar.regex"},
      {"a{,3}", "grammar.regex"},
      {"(a", "grammar.regex"},
      {"a)", "grammar.regex"},
      {"[a", "grammar.regex"},
      {"[]", "grammar.regex"},
      {"[^]", "grammar.regex"},
      {"[b-a]", "grammar.regex"},
      {R"([a-\d])", "grammar.regex"},
      {R"([^\s\S])", "grammar.regex"},
      {"a\\", "grammar.regex"},
      {R"(\q)", "grammar.regex"},
      {R"(\x1)", "grammar.regex"},
      {R"(\u{110000})", "grammar.regex"},
      {R"(\ud800)", "grammar.regex"},
      {"a]", "grammar.regex"},
      {"\xff", "grammar.regex"},
      {"(?<n", "grammar.regex"},
      {"a{3000}", "grammar.limit"},
      {"(a{50}){50}", "grammar.limit"},
  };
  for (const auto& sample : samples) {
    const auto parsed = parse_regex(sample.pattern);
    ASSERT_FALSE(parsed) << sample.pattern;
    EXPECT_EQ(parsed.error().error.code, sample.code)
        << sample.pattern << ": " << parsed.error().error.message;
  }
  EXPECT_EQ(parse_regex(std::string(5000, 'a')).error().error.code, "grammar.limit");
  EXPECT_EQ(parse_regex(std::string(40, '(') + std::string(40, ')')).error().error.code, "grammar.limit");
}

std::string random_pattern(std::mt19937& random, int depth) {
  constexpr const char* kBounds[] = {"*", "+", "?", "{2}", "{1,2}", "{0,2}", "{2,}"};
  const auto inside = [&] { return random_pattern(random, depth - 1); };
  switch (depth <= 0 ? random() % 2 : random() % 8) {
    case 0:
      return std::string(1, static_cast<char>('a' + random() % 3));
    case 1:
      return random() % 2 == 0 ? "[ab]" : "[^a]";
    case 2:
    case 3:
      return inside() + inside();
    case 4:
      return "(?:" + inside() + "|" + inside() + ")";
    default:
      return "(?:" + inside() + ")" + kBounds[random() % std::size(kBounds)];
  }
}

// As regex and as pattern of a JSON Schema, on every text of up to five letters.
TEST(Regex, MatchesWhatPcreMatches) {
  std::vector<std::string> texts = {""};
  for (size_t i = 0; texts[i].size() < 5; ++i) {
    for (const char c : {'a', 'b', 'c'}) texts.push_back(texts[i] + c);
  }
  std::mt19937 random(7);
  for (int i = 0; i < 150; ++i) {
    const std::string pattern = random_pattern(random, 4);
    SCOPED_TRACE(pattern);
    int error = 0;
    size_t place = 0;
    pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                     PCRE2_ANCHORED | PCRE2_ENDANCHORED, &error, &place, nullptr);
    ASSERT_NE(code, nullptr);
    pcre2_match_data* match = pcre2_match_data_create_from_pattern(code, nullptr);
    const nlohmann::json schema = {{"type", "string"}, {"pattern", pattern}};
    const auto as_regex = compiled(regex_spec(pattern));
    const auto as_schema = compiled(schema_spec(schema.dump()));
    for (const std::string& text : texts) {
      const bool want =
          pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, 0, match, nullptr) > 0;
      EXPECT_EQ(follows(as_regex, text), want) << text;
      EXPECT_EQ(follows(as_schema, "\"" + text + "\""), want) << text;
    }
    pcre2_match_data_free(match);
    pcre2_code_free(code);
  }
}

TEST(Expression, RangesAreKeptInOrder) {
  EXPECT_EQ(normalized({{'c', 'd'}, {'a', 'b'}, {'x', 'z'}}), (CodeRanges{{'a', 'd'}, {'x', 'z'}}));
  EXPECT_EQ(normalized({{0xD000, 0xE001}}), (CodeRanges{{0xD000, 0xD7FF}, {0xE000, 0xE001}}));
  EXPECT_EQ(complement({{'a', 'b'}}), (CodeRanges{{0, 'a' - 1}, {'c', 0xD7FF}, {0xE000, kLastCodePoint}}));
  EXPECT_TRUE(complement({{0, kLastCodePoint}}).empty());
}

}  // namespace
}  // namespace pingti::testing
