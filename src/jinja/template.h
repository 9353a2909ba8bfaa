// The Jinja2 subset that chat templates in model files are written in, interpreted.
//
// Follows jinja2 3.1 as Hugging Face transformers configures it: an immutable sandbox, trim_blocks,
// lstrip_blocks, loop controls, `generation` blocks, json.dumps behind `tojson`, `raise_exception` and
// `strftime_now`. Not offered: template inheritance and imports (block, extends, include, import),
// `autoescape`, and the filters `random`, `pprint`, `urlize`. Differences: integers have 64 bits and overflow
// is an error; `map`, `select` and their kin do their work at once, though what they return still runs out
// after one pass; an unknown filter or test is an error where it is reached, not at parse.
//
// Templates are hostile input: every limit below ends them with "template.limit". Other codes:
// "template.syntax", "template.runtime", "template.raised" (the template called raise_exception). Messages
// name the line.
//
// A Template is immutable; any number of threads may render it at once.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pingti::jinja {

struct Limits {
  int64_t steps = 20'000'000;       // nodes evaluated, plus a share of the bytes and items they touch
  size_t output_bytes = 16u << 20;  // of one rendering
  size_t memory_bytes = 64u << 20;  // held by values at any moment, the variables passed in not counted
  int depth = 100;                  // nested macro calls and recursive loops; nesting of the source
  size_t source_bytes = 1u << 20;
};

struct RenderOptions {
  std::chrono::system_clock::time_point now{};  // what strftime_now shows, in local time
};

struct Program;  // the parsed source; ast.h

class Template {
 public:
  static Result<Template> parse(std::string_view source, Limits limits = {});

  // `variables` is an object; its members are the template's global names.
  Result<std::string> render(const nlohmann::ordered_json& variables,
                             const RenderOptions& options = {}) const;

 private:
  Template(std::shared_ptr<const Program> program, Limits limits)
      : program_(std::move(program)), limits_(limits) {}

  std::shared_ptr<const Program> program_;
  Limits limits_;
};

}  // namespace pingti::jinja
