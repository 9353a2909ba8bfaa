// JSON Schemas (2020-12, as far as a grammar can enforce one): checked and put into the form that XGrammar
// enforces whole.
//
// XGrammar ignores keywords it cannot express; here they are refused by their path, so that an answer that
// ends by itself satisfies its schema. The prepared schema may say less than the given one, never more:
//   - an object that names properties has only those, unless it says additionalProperties;
//   - a string with bounds, a pattern or a format is written without escapes;
//   - a schema without type gets the one its keywords are about.
#pragma once

#include <string>
#include <string_view>

#include "grammar/output_spec.h"

namespace pingti {

struct PreparedSchema {
  std::string text;         // JSON
  std::string first_oneof;  // the path of a oneOf with several cases, if there is one
};

// Errors: "grammar.json", "grammar.schema" (malformed or unsatisfiable), "grammar.unsupported" (with the
// keyword's path), "grammar.limit".
OutputResult<PreparedSchema> prepare_schema(std::string_view schema, const OutputLimits& limits = {});

}  // namespace pingti
