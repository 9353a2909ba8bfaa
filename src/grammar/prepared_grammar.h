// A spec that was checked and put into the form the library compiles.
#pragma once

#include <string>

#include "grammar/output_spec.h"

namespace pingti {

struct PreparedGrammar {
  bool schema = false;  // text is a JSON Schema; otherwise EBNF
  std::string text;
  std::string first_oneof;

  std::string key() const { return (schema ? "schema:" : "ebnf:") + text; }
};

OutputResult<PreparedGrammar> prepare_grammar(const OutputSpec& spec, const OutputLimits& limits);

}  // namespace pingti
