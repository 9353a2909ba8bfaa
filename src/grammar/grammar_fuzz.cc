// Arbitrary bytes as JSON Schema, pattern and grammar: checked and rewritten without a crash, within limits.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "grammar/expression.h"
#include "grammar/gbnf.h"
#include "grammar/regex.h"
#include "grammar/schema.h"

using namespace pingti;

namespace {

void expect_said(const OutputProblem& problem) {
  PT_CHECK(problem.error.code.starts_with("grammar.") && !problem.error.message.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto schema = prepare_schema(text)) {
    const auto again = prepare_schema(schema->text);  // what is written is read again
    PT_CHECK(again || again.error().error.code == "grammar.limit");
  } else {
    expect_said(schema.error());
  }
  if (const auto pattern = parse_regex(text)) {
    to_ebnf(*pattern);
    PT_CHECK(parse_regex(to_regex(*pattern)) || to_regex(*pattern).size() > OutputLimits{}.regex_bytes);
  } else {
    expect_said(pattern.error());
  }
  if (const auto grammar = translate_gbnf(text)) {
    PT_CHECK(grammar->find("root ::= ") != std::string::npos);
  } else {
    expect_said(grammar.error());
  }
  return 0;
}
