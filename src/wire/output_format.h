// The fields by which a request gives its answer a form, in the spellings of OpenAI (response_format), vLLM
// (structured_outputs, guided_*) and llama-server (grammar, json_schema).
#pragma once

#include <string>
#include <vector>

#include "wire/field_reader.h"

namespace pingti::wire {

struct OutputFormat {
  enum class Kind { kFree, kJsonObject, kJsonSchema, kRegex, kChoice, kGrammar };
  Kind kind = Kind::kFree;
  std::string text;                  // the schema as JSON, the pattern, the grammar
  std::vector<std::string> choices;  // with kChoice
  std::string param;                 // the field that says so, for errors
};

constexpr size_t kMostOutputChoices = 4096;

// Problems are left in the reader; two forms in one request are one.
void read_output_format(FieldReader& fields, OutputFormat* out);

}  // namespace pingti::wire
