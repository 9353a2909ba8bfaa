#include "grammar/gbnf.h"

#include <gtest/gtest.h>

#include "grammar/testing/byte_grammar.h"

namespace pingti::testing {
namespace {

TEST(Gbnf, SaysWhatItSaysElsewhere) {
  const char* const kArithmetic = R"g(root  ::= (expr "=" ws term "\n")+
expr  ::= term ([-+*/] term)*
term  ::= ident | num | "(" ws expr ")" ws
ident ::= [a-z] [a-z0-9_]* ws
num   ::= [0-9]+ ws
ws    ::= [ \t\n]*
)g";
  EXPECT_TRUE(accepts(grammar_spec(kArithmetic), "1+(a*2)=x\n"));
  EXPECT_FALSE(accepts(grammar_spec(kArithmetic), "1+=x\n"));
  const char* const kList = "# a list\nroot ::= item+ # items\n\nitem ::= \"- \" [^\\r\\n]+ \"\\n\"";
  EXPECT_TRUE(accepts(grammar_spec(kList), "- a\n- ü ]\n"));
  EXPECT_FALSE(accepts(grammar_spec(kList), "- \n"));
  struct {
    const char* grammar;
    std::vector<std::string> right;
    std::vector<std::string> wrong;
  } const samples[] = {
      {"root ::= \"a\" |\n  \"b\"", {"a", "b"}, {"ab"}},
      {"root ::= (\n \"a\"\n \"b\"\n)", {"ab"}, {"a"}},
      {"root ::= \"a\"\n  | \"b\"", {"a", "b"}, {}},
      {"root ::= [\\x41-\\u0043\\U0001F600]{2}", {"AB", "C😀"}, {"A", "D"}},
      {"root ::= [ぁ-ゟ]{1,2}", {"ひ", "ひら"}, {"a"}},
      {"root ::= \"\\\"\\\\\\n\\t\\x20é\"", {"\"\\\n\t é"}, {}},
      {"root ::= [\\]\\[\\-a^]+", {"][-a^"}, {"b"}},
      {"root ::= \"a\"{2} \"b\"{1,} \"c\"{0,2}", {"aab", "aabbcc"}, {"ab", "aabccc"}},
      {"root ::= . .", {"ab", "é\n"}, {"a"}},
      {"root ::= a-b a_c\na-b ::= \"x\"?\na_c ::= \"y\"", {"xy", "y"}, {"x"}},
      {"root ::= true 9x\ntrue ::= \"t\"\n9x ::= \"n\"", {"tn"}, {}},
      {"root ::= \"\" | \"a\" root", {"", "aaa"}, {"b"}},
      {"root ::= root \"a\" | \"b\"", {"b", "baa"}, {"a"}},
  };
  for (const auto& sample : samples) {
    for (const auto& text : sample.right)
      EXPECT_TRUE(accepts(grammar_spec(sample.grammar), text)) << sample.grammar << " " << text;
    for (const auto& text : sample.wrong)
      EXPECT_FALSE(accepts(grammar_spec(sample.grammar), text)) << sample.grammar << " " << text;
  }
}

TEST(Gbnf, RefusesWithAPlace) {
  struct {
    const char* grammar;
    const char* code;
    const char* says;
  } const samples[] = {
      {"", "grammar.rule", "root"},
      {"a ::= \"x\"", "grammar.rule", "root"},
      {"root ::= b", "grammar.rule", "'b'"},
      {"root ::= \"a\"\nroot ::= \"b\"", "grammar.rule", "twice"},
      {"root ::= \"a\" root", "grammar.rule", "always needs itself"},
      {"root ::= \"a", "grammar.syntax", "line 1, column 12"},
      {"root ::= \"a\"\nx ::= [z-a]", "grammar.syntax", "line 2"},
      {"root ::= ( \"a\"", "grammar.syntax", "'('"},
      {"root ::= \"a\" )", "grammar.syntax", "')'"},
      {"root = \"a\"", "grammar.syntax", "::="},
      {"root ::= []", "grammar.syntax", "no character"},
      {"root ::= \"\\q\"", "grammar.syntax", "escape"},
      {"root ::= \"\\ud800\"", "grammar.syntax", "Unicode"},
      {"root ::= \"a\"{2,1}", "grammar.syntax", "repetition"},
      {"root ::= \"a\"**", "grammar.syntax", "two repetitions"},
      {"root ::= <think> \"a\"", "grammar.unsupported", "token"},
      {"root ::= !<[1]> \"a\"", "grammar.unsupported", "token"},
      {"root ::= \"a\" (= \"b\")", "grammar.unsupported", "look-ahead"},
      {"root ::= TagDispatch((\"a\", root))", "grammar.unsupported", "macros"},
      {"root[max_tokens=3] ::= \"a\"", "grammar.unsupported", "attributes"},
      {"root ::= \"a\"{100000}", "grammar.limit", "parts"},
      {"root ::= \xff", "grammar.syntax", "UTF-8"},
  };
  for (const auto& sample : samples) {
    const auto translated = translate_gbnf(sample.grammar);
    ASSERT_FALSE(translated) << sample.grammar << " -> " << *translated;
    EXPECT_EQ(translated.error().error.code, sample.code)
        << sample.grammar << ": " << translated.error().error.message;
    EXPECT_NE(translated.error().error.message.find(sample.says), std::string::npos)
        << sample.grammar << ": " << translated.error().error.message;
  }
  EXPECT_EQ(translate_gbnf("root ::= " + std::string(200'000, ' ') + "\"a\"").error().error.code,
            "grammar.limit");
  EXPECT_EQ(translate_gbnf("root ::= " + std::string(100, '(')).error().error.code, "grammar.limit");
}

}  // namespace
}  // namespace pingti::testing
