// ECMA-262 patterns (those of JSON Schema), as far as a grammar can express them: all but look-around,
// back-references, word boundaries, Unicode properties, flags and anchors in the middle.
#pragma once

#include <string_view>

#include "grammar/expression.h"
#include "grammar/output_spec.h"

namespace pingti {

// The texts that the pattern matches as a whole. Where it has no anchors, JSON Schema also accepts texts that
// contain such a match: those that match as a whole are some of them.
// Errors: "grammar.regex" (malformed), "grammar.unsupported", "grammar.limit".
OutputResult<Expression> parse_regex(std::string_view pattern, const OutputLimits& limits = {});

}  // namespace pingti
