// GBNF, the grammar format of llama.cpp, and the plain EBNF that XGrammar shares with it: rules
// `name ::= expression` of "literals", [classes], ., names, ( ), | and the repetitions * + ? {m} {m,} {m,n};
// comments from # to the end of the line. Rule "root" describes the whole answer.
//
// Differences of the two are settled here, so that XGrammar sees one spelling: what `.` matches, escapes, and
// that a rule may go on in the next line. Refused by name: <tokens>, look-ahead, macros and rule attributes.
#pragma once

#include <string>
#include <string_view>

#include "grammar/output_spec.h"

namespace pingti {

// As XGrammar's EBNF. Errors: "grammar.syntax" with line and column, "grammar.rule" (undefined, defined
// twice, no root, a rule no text can match), "grammar.unsupported", "grammar.limit".
OutputResult<std::string> translate_gbnf(std::string_view grammar, const OutputLimits& limits = {});

}  // namespace pingti
