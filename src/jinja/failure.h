// How a template fails inside the library: a Failure is thrown and turned into a Result at the public
// functions (template.cc), so that evaluation reads as the expressions it evaluates. It never leaves the
// library.
#pragma once

#include <string>

namespace pingti::jinja {

enum class FailureKind { kSyntax, kRuntime, kRaised, kLimit };

struct Failure {
  FailureKind kind;
  std::string message;
  int line = 0;  // 0: not known yet; the innermost statement or expression fills it in
};

[[noreturn]] inline void throw_syntax(std::string message, int line) {
  throw Failure{FailureKind::kSyntax, std::move(message), line};
}
[[noreturn]] inline void throw_runtime(std::string message) {
  throw Failure{FailureKind::kRuntime, std::move(message)};
}
[[noreturn]] inline void throw_limit(std::string message) {
  throw Failure{FailureKind::kLimit, std::move(message)};
}

}  // namespace pingti::jinja
