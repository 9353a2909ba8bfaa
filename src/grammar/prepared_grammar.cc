#include "grammar/prepared_grammar.h"

#include <fmt/format.h>

#include "grammar/gbnf.h"
#include "grammar/regex.h"
#include "grammar/schema.h"
#include "text/utf8.h"

namespace pingti {
namespace {

OutputResult<PreparedGrammar> prepare_choice(const std::vector<std::string>& choices,
                                             const OutputLimits& limits) {
  const auto over = [](std::string_view what, size_t most) {
    return output_problem(ErrorKind::kTooLarge, "grammar.limit",
                          fmt::format("there are more than {} {}", most, what));
  };
  if (choices.empty())
    return output_problem(ErrorKind::kInvalid, "grammar.choice", "there is nothing to choose from");
  if (choices.size() > limits.choices) return over("choices", limits.choices);
  size_t bytes = 0;
  Expression whole;
  whole.kind = Expression::Kind::kChoice;
  for (const std::string& choice : choices) {
    bytes += choice.size();
    if (bytes > limits.choice_bytes) return over("bytes of choices", limits.choice_bytes);
    if (valid_utf8_prefix(choice) != choice.size())
      return output_problem(ErrorKind::kInvalid, "grammar.choice", "a choice is not valid UTF-8");
    std::u32string text;
    for (std::string_view rest = choice; !rest.empty();) {
      const Utf8Char next = decode_utf8(rest);
      text += next.code;
      rest.remove_prefix(next.length);
    }
    whole.children.push_back(Expression::text(text));
  }
  return PreparedGrammar{.text = "root ::= " + to_ebnf(whole) + "\n"};
}

}  // namespace

OutputResult<PreparedGrammar> prepare_grammar(const OutputSpec& spec, const OutputLimits& limits) {
  switch (spec.kind) {
    case OutputKind::kChoice:
      return prepare_choice(spec.choices, limits);
    case OutputKind::kRegex: {
      auto expression = parse_regex(spec.text, limits);
      if (!expression) return std::unexpected(std::move(expression.error()));
      return PreparedGrammar{.text = "root ::= " + to_ebnf(*expression) + "\n"};
    }
    case OutputKind::kGrammar: {
      auto grammar = translate_gbnf(spec.text, limits);
      if (!grammar) return std::unexpected(std::move(grammar.error()));
      return PreparedGrammar{.text = std::move(*grammar)};
    }
    case OutputKind::kJsonObject:
    case OutputKind::kJsonSchema: {
      const bool any = spec.kind == OutputKind::kJsonObject;
      auto schema = prepare_schema(any ? R"({"type": "object"})" : std::string_view(spec.text), limits);
      if (!schema) return std::unexpected(std::move(schema.error()));
      return PreparedGrammar{
          .schema = true, .text = std::move(schema->text), .first_oneof = std::move(schema->first_oneof)};
    }
  }
  return output_problem(ErrorKind::kInternal, "grammar.kind", "unknown kind of output");
}

}  // namespace pingti
