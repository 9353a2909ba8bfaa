// What form an answer must have, as a request says it, and why it cannot be had.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <vector>

#include "base/result.h"

namespace pingti {

enum class OutputKind {
  kJsonObject,  // any JSON object
  kJsonSchema,  // text: a JSON Schema
  kRegex,       // text: an ECMA-262 pattern that the whole answer matches
  kChoice,      // choices: the answer is one of them
  kGrammar,     // text: GBNF, rule "root" describes the whole answer
};

struct OutputSpec {
  OutputKind kind = OutputKind::kJsonObject;
  std::string text;
  std::vector<std::string> choices;
};

struct OutputProblem {
  Error error;       // codes "grammar.*"
  std::string path;  // where in a JSON Schema: "properties.a.not"; empty: the whole
};

template <class T>
using OutputResult = std::expected<T, OutputProblem>;

inline std::unexpected<OutputProblem> output_problem(ErrorKind kind, std::string code, std::string message,
                                                     std::string path = {}) {
  return std::unexpected(
      OutputProblem{{.kind = kind, .code = std::move(code), .message = std::move(message)}, std::move(path)});
}

// Bounds on what is compiled: compiling cannot be stopped, and its time grows with these.
struct OutputLimits {
  size_t text_bytes = 128 << 10;  // of a schema or grammar
  size_t regex_bytes = 4096;
  int depth = 32;           // nested schemas, groups
  size_t schemas = 1000;    // subschemas; rules of a grammar
  size_t properties = 500;  // of all objects
  size_t choices = 2000;    // enum values of all enums, or choices
  size_t choice_bytes = 64 << 10;
  // Repetitions written out: of a regex or grammar, and the sum of a schema's bounded lengths and item
  // counts.
  size_t repetitions = 1000;
};

}  // namespace pingti
